#pragma once
// The parameters of one request. Readers note what fails and go on, so that all failing fields are reported at once.

#include "http/server/message.hpp"
#include "messages/actors.hpp"
#include "messages/json.hpp"
#include "messages/types.hpp"
#include "messages/validation.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lode::http {

/// Whether a body of `req` is JSON by its content-type: application/json, any +json, or none given.
bool claims_json(const request& req);

class arguments {
 public:
  /// Parses the body if there is one (blank counts as none). A body that is not JSON is an error. One that does not
  /// claim to be JSON is not read: an error where the endpoint has a body of its own, else as if there were none.
  explicit arguments(const request& req);

  /// Scalars: of the query, else of an object body, else the default. A required one that is missing is an error, and
  /// so is null, except where absence is fine.
  std::string required_string(std::string_view name);
  std::string string_or(std::string_view name, std::string_view fallback);
  std::optional<std::string> maybe_string(std::string_view name);
  bool boolean_or(std::string_view name, bool fallback);
  /// An integer from `least` to `most`.
  std::int64_t required_integer(std::string_view name, std::int64_t least, std::int64_t most);
  /// An integer that is not negative.
  std::optional<std::int64_t> maybe_count(std::string_view name);
  /// A number that is neither negative nor infinite.
  std::optional<double> maybe_number(std::string_view name);
  page_request page();

  /// The body as a T; the default of what is absent or failed, all of it without a body.
  template <class T>
  T body() {
    T out{};
    if (unread_) fail("body", words::object_type);
    if (body_) parse_into(*body_, out, errors_);
    return out;
  }
  /// The body as a list of strings.
  std::vector<std::string> body_list();
  [[nodiscard]] bool has_body() const noexcept { return body_.has_value() || unread_; }

  /// Fails `name` unless `key` is one well-formed OpenSSH public key line. Takes away the end of the line, which a key
  /// read from a file has.
  void check_ssh_key(std::string_view name, std::string& key);
  void fail(std::string_view name, std::string_view message);

  [[nodiscard]] std::size_t failures() const noexcept { return errors_.size(); }
  [[nodiscard]] bool ok() const noexcept { return errors_.empty(); }
  /// 422 with every failing field.
  [[nodiscard]] response refusal() const;

 private:
  template <class V>
  void check_not_negative(std::string_view name, V value);
  [[nodiscard]] const boost::json::value* member(std::string_view name) const;

  const request& request_;
  std::optional<boost::json::value> body_;
  bool unread_ = false;  // there is a body of another type
  std::vector<field_error> errors_;
};

}  // namespace lode::http
