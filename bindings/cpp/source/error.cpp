// What is thrown. Knows nothing of where it comes from.
#include <buslane/error.hpp>
#include <buslane/payload.hpp>

#include <ostream>
#include <utility>

#include <buslane-cpp/src/border.rs.h>

#include "convert.hpp"

namespace buslane {

namespace {

std::string line(const Problem& problem) {
  const std::string& title = problem.title.empty() ? problem.word : problem.title;
  return problem.detail.empty() ? title : title + ": " + problem.detail;
}

Problem own(ErrorCode code, const std::string& detail) {
  return detail::problem(native::own_problem(static_cast<std::uint16_t>(code), rust::String::lossy(detail)));
}

}  // namespace

Error::Error(Problem problem)
    : std::runtime_error(line(problem)), problem_(std::make_shared<const Problem>(std::move(problem))) {}
Error::Error(ErrorCode code, const std::string& detail) : Error(own(code, detail)) {}
Error::~Error() = default;
Error::Error(const Error&) noexcept = default;
Error& Error::operator=(const Error&) noexcept = default;

ErrorCode Error::code() const noexcept { return problem_->code; }
const std::string& Error::word() const noexcept { return problem_->word; }
const Problem& Error::problem() const noexcept { return *problem_; }
Retry Error::retry() const noexcept { return problem_->retry; }

ServiceError::ServiceError(std::string code, const std::string& title, std::string data)
    : std::runtime_error(title), code_(std::move(code)), data_(std::move(data)) {}
ServiceError::~ServiceError() = default;
ServiceError::ServiceError(const ServiceError&) = default;
ServiceError& ServiceError::operator=(const ServiceError&) = default;

std::ostream& operator<<(std::ostream& stream, const Payload& payload) { return stream << payload.text(); }

}  // namespace buslane
