#pragma once
// How a command of `lode` ends: its exit status, and errors that say what to do next.

#include <boost/system/result.hpp>

#include <string>
#include <utility>

namespace lode::cli {

/// The documented exit statuses. `lode ssh` passes on the status of ssh instead.
enum class ending : int {
  ok = 0,
  failed = 1,
  usage = 2,         ///< wrong arguments, or arguments that the server finds wrong
  not_found = 3,     ///< no such thing, or no resource to allocate
  unauthorised = 4,  ///< no key, a wrong key, one whose role is too small, or a wrong UUID
  unreachable = 5,   ///< no server, no answer in time, or one that is overloaded
  interrupted = 130,
};

/// What failed and what to do next; both for people, neither with a secret.
struct failure {
  ending code = ending::failed;
  std::string what;
  std::string next;  ///< may be empty
  friend bool operator==(const failure&, const failure&) = default;
};

/// Called by outcome::value() on a failure, which is a bug at the call site.
[[noreturn]] void throw_exception_from_error(const failure& f, const boost::source_location& where);

/// A value or a failure; test before use.
template <class T>
class [[nodiscard]] outcome : public boost::system::result<T, failure> {
 public:
  using boost::system::result<T, failure>::result;
};

}  // namespace lode::cli
