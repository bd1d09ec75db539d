// Services, their registration, and the requests that come in.
#include "service.hpp"

#include <utility>

namespace buslane {

namespace detail {

namespace {

class CancelSlot final : public Slot {
 public:
  explicit CancelSlot(std::function<void()> callback) : callback_(std::move(callback)) {}

 private:
  void handle(Core& core, native::Event& event) override {
    core.forget(event.token());
    core.call(callback_);
  }
  std::function<void()> callback_;
};

// Tells what went wrong with an answer. That nobody waits for it any more is nothing to tell.
void tell_unless_gone(Core& core, const Error& error) noexcept {
  if (error.code() != ErrorCode::unknown_delivery) core.tell(std::make_exception_ptr(error));
}

void fail(Core& core, Request& request, const ServiceError& error) noexcept {
  try {
    request.fail(error);
  } catch (const Error& failed) {
    tell_unless_gone(core, failed);
  } catch (...) {
    core.tell(std::current_exception());
  }
}

// Answers with what a handler threw. A service's own error is an answer, all else is told, too.
void answer_exception(Core& core, Request& request) noexcept {
  try {
    throw;
  } catch (const ServiceError& error) {
    fail(core, request, error);
  } catch (const std::exception& thrown) {
    fail(core, request, ServiceError("service_error", thrown.what()));
    core.tell(std::current_exception());
  } catch (...) {
    fail(core, request, ServiceError("service_error", "the handler threw something"));
    core.tell(std::current_exception());
  }
}

}  // namespace

void MethodSlot::handle(Core& core, native::Event& event) {
  if (event.kind() != native::Kind::Requested) return;
  auto state = std::make_shared<RequestState>(core.shared_from_this(), event.take_request());
  Request request = Fields::request(state, state->get().carried());
  try {
    if (deferred_) return deferred_(request);
    answer(core, request, handler_(request));
  } catch (...) {
    answer_exception(core, request);
  }
}

void MethodSlot::answer(Core& core, Request& request, const Body& body) {
  try {
    request.reply(body);
  } catch (const Error& error) {
    // The caller hears of a body that cannot be sent, too.
    tell_unless_gone(core, error);
  }
}

RequestState::~RequestState() { forget_cancel(); }

void RequestState::forget_cancel() noexcept {
  if (core().is_foreign()) {
    (void)cancel_watch.release();
    return;
  }
  std::unique_ptr<rust::Box<native::Watch>> watch;
  std::uint64_t token = 0;
  {
    std::lock_guard<std::mutex> lock(mutex);
    watch = std::move(cancel_watch);
    token = std::exchange(cancel_token, 0);
  }
  if (token != 0) core().remove(token);
}

}  // namespace detail

std::optional<std::string> Request::header(std::string_view name) const { return detail::find(headers(), name); }

Headers Request::headers() const {
  return detail::native_call([&] { return detail::headers(detail::present(state_).get().headers()); });
}

unsigned Request::attempt() const {
  return detail::native_call([&] { return detail::present(state_).get().attempt(); });
}

std::optional<std::chrono::milliseconds> Request::time_left() const {
  const std::int64_t left = detail::native_call([&] { return detail::present(state_).get().time_left(); });
  return left < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(left));
}

bool Request::wants_stream() const {
  return detail::native_call([&] { return detail::present(state_).get().wants_stream(); });
}

bool Request::is_cancelled() const {
  return detail::native_call([&] { return detail::present(state_).get().is_cancelled(); });
}

void Request::on_cancel(std::function<void()> callback) {
  detail::present(state_).forget_cancel();
  detail::Core& core = state_->core();
  const std::uint64_t token = core.add(std::make_shared<detail::CancelSlot>(std::move(callback)));
  auto watch = detail::native_call([&] { return core.bus().withdrawal(token, detail::present(state_).get()); });
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->cancel_token = token;
  state_->cancel_watch = std::make_unique<rust::Box<native::Watch>>(std::move(watch));
}

void Request::reply(const Body& body) {
  detail::present(state_).forget_cancel();
  detail::native_call([&] { detail::present(state_).get().reply(detail::content(body)); });
}

void Request::fail(const ServiceError& error) {
  detail::present(state_).forget_cancel();
  const auto lossy = [](const std::string& text) { return rust::String::lossy(text); };
  const rust::String code = lossy(error.code()), title = lossy(error.what()), data = lossy(error.data());
  detail::native_call([&] { detail::present(state_).get().fail(code, title, data); });
}

void Request::chunk(const Body& body) {
  detail::native_call([&] { detail::present(state_).get().chunk(detail::content(body)); });
}

void Request::end() {
  detail::present(state_).forget_cancel();
  detail::native_call([&] { detail::present(state_).get().end(); });
}

Service::Service(std::string name, std::string version) : name_(std::move(name)), version_(std::move(version)) {}
Service::Service(const Service&) = default;
Service::Service(Service&&) noexcept = default;
Service& Service::operator=(const Service&) = default;
Service& Service::operator=(Service&&) noexcept = default;
Service::~Service() = default;

Service& Service::instance(std::string name) {
  instance_ = std::move(name);
  return *this;
}

Service& Service::group(std::string name) {
  groups_.push_back(std::move(name));
  return *this;
}

Service& Service::meta(std::string json) {
  meta_ = std::move(json);
  return *this;
}

Service& Service::method(std::string name, Handler handler) {
  return method(std::move(name), std::string(), std::move(handler));
}

Service& Service::method(std::string name, std::string input_schema, Handler handler) {
  add(std::move(name), std::move(input_schema)).handler = std::move(handler);
  return *this;
}

Service& Service::deferred_method(std::string name, DeferredHandler handler) {
  return deferred_method(std::move(name), std::string(), std::move(handler));
}

Service& Service::deferred_method(std::string name, std::string input_schema, DeferredHandler handler) {
  add(std::move(name), std::move(input_schema)).deferred = std::move(handler);
  return *this;
}

Service& Service::output_schema(const std::string& method, std::string schema) {
  find(method).output = std::move(schema);
  return *this;
}

Service& Service::description(const std::string& method, std::string text) {
  find(method).description = std::move(text);
  return *this;
}

Service& Service::topic(TopicContract contract) {
  topics_.push_back(std::move(contract));
  return *this;
}

Service& Service::schema(std::string uri, std::string schema) {
  schemas_.emplace_back(std::move(uri), std::move(schema));
  return *this;
}

Service::Method& Service::add(std::string name, std::string input) {
  Method method;
  method.name = std::move(name);
  method.input = std::move(input);
  methods_.push_back(std::move(method));
  return methods_.back();
}

Service::Method& Service::find(const std::string& name) {
  for (Method& method : methods_) {
    if (method.name == name) return method;
  }
  throw Error(ErrorCode::invalid_message, "the method " + name + " is described before it is added");
}

Registration Client::register_service(const Service& service) {
  using detail::copy;
  native::Service native{copy(service.name_, ErrorCode::invalid_name), copy(service.version_),
                         copy(service.instance_, ErrorCode::invalid_name), {}, {}, {}, {}, copy(service.meta_)};
  for (const std::string& group : service.groups_) native.groups.push_back(copy(group, ErrorCode::invalid_name));
  for (const TopicContract& topic : service.topics_) {
    native.topics.push_back({copy(topic.topic, ErrorCode::invalid_topic), copy(topic.schema, ErrorCode::invalid_schema),
                             topic.retained, topic.refuse_when_full, copy(topic.description)});
  }
  for (const auto& schema : service.schemas_) {
    native.schemas.push_back({copy(schema.first), copy(schema.second, ErrorCode::invalid_schema)});
  }
  detail::Core& core = detail::usable(core_);
  detail::Tokens tokens(core_);
  for (const Service::Method& method : service.methods_) {
    const auto slot = std::make_shared<detail::MethodSlot>(method.handler, method.deferred);
    native.methods.push_back({copy(method.name, ErrorCode::invalid_name), tokens.add(slot),
                              copy(method.input, ErrorCode::invalid_schema),
                              copy(method.output, ErrorCode::invalid_schema), copy(method.description)});
  }
  auto registered = detail::native_call([&] { return core.bus().register_service(std::move(native)); });
  return Registration(std::make_unique<detail::RegistrationState>(core_, std::move(registered), std::move(tokens)));
}

Registration::Registration(std::unique_ptr<detail::RegistrationState> state) : state_(std::move(state)) {}
Registration::Registration(Registration&&) noexcept = default;

Registration& Registration::operator=(Registration&& other) noexcept {
  Registration ending(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

Registration::~Registration() {
  if (!state_) return;
  if (native::Bus* bus = state_->held.core().bus_or_none()) {
    detail::try_native([&] { bus->unregister(state_->held.get()); });
  }
}

std::string Registration::name() const {
  return std::string(detail::view(detail::present(state_).held.get().name()));
}

std::string Registration::instance() const {
  auto& native = detail::present(state_).held.get();
  return detail::native_call([&] { return detail::text(native.instance()); });
}

std::string Registration::compatibility() const {
  auto& native = detail::present(state_).held.get();
  return detail::native_call([&] { return detail::text(native.compatibility()); });
}

void Registration::unregister() {
  auto& native = detail::present(state_).held.get();
  detail::native_call([&] { native.unregister(); });
}

void Registration::drain() {
  auto& native = detail::present(state_).held.get();
  detail::native_call([&] { native.drain(); });
}

bool Registration::drain_for(std::chrono::milliseconds time) {
  auto& state = detail::present(state_);
  auto& native = state.held.get();
  try {
    const bool ended = detail::native_call([&] { return native.drain_for(detail::bound(time)); });
    state.draining = true;
    return ended;
  } catch (const Error& error) {
    // It ended between two waits.
    if (state.draining && error.code() == ErrorCode::not_registered) return true;
    throw;
  }
}

void Registration::keep() && {
  detail::present(state_).tokens.keep();
  state_.reset();
}

}  // namespace buslane
