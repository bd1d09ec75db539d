// What the examples share: how they wait to be asked to end.
#pragma once

#include <csignal>

// Waits for Ctrl-C or SIGTERM. Made before the client, so that the client's threads leave these signals alone, too.
class Ending {
 public:
  Ending() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

 private:
  sigset_t signals_;
};
