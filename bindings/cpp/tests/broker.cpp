// Starts and stops the broker's binary.
#include "broker.hpp"

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <sys/wait.h>
#include <unistd.h>

namespace {

// Reads a line of what the broker says; empty at the end.
std::string line_of(int output) {
  std::string line;
  char character = 0;
  while (read(output, &character, 1) == 1) {
    line.push_back(character);
    if (character == '\n') break;
  }
  return line;
}

// Reads from what the broker says where it listens.
std::string address_from(int output) {
  const std::string marker = "listening on ";
  std::string said;
  for (std::string line = line_of(output); !line.empty(); line = line_of(output)) {
    const auto found = line.find(marker);
    if (found == std::string::npos) {
      said += line;
      continue;
    }
    const auto begin = found + marker.size();
    return line.substr(begin, line.find_first_of(", \n", begin) - begin);
  }
  throw std::runtime_error("the broker does not say where it listens: " + said);
}

}  // namespace

void Broker::start() {
  const char* binary = std::getenv("BUSLANE_BROKER");
  if (binary == nullptr) throw std::runtime_error("BUSLANE_BROKER has to name the broker's binary");
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  process_ = fork();
  if (process_ == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    // The broker takes every variable of that beginning for its configuration.
    unsetenv("BUSLANE_BROKER");
    unsetenv("BUSLANE_URL");
    execl(binary, binary, "serve", "--listen", address_.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  address_ = address_from(ends[0]);
  // The read end stays open, so that the broker may go on writing its log.
  url_ = "buslane://" + address_;
}

void Broker::stop() {
  if (process_ < 0) return;
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

buslane::Options Broker::options(const std::string& name) const {
  buslane::Options options;
  options.url = url_;
  options.name = name;
  options.first_backoff = std::chrono::milliseconds(5);
  options.longest_backoff = std::chrono::milliseconds(50);
  // A machine may be busy, and what watches a process makes it slow: no test rests on these.
  options.connect_timeout = options.request_timeout = std::chrono::seconds(60);
  return options;
}
