#include "http/arguments.hpp"

#include "crypto/crypto.hpp"
#include "http/replies.hpp"
#include "messages/envelope.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <cctype>

namespace lode::http {
namespace {

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

// Parameters such as a charset do not matter.
bool claims_json(const request& req) {
  const auto header = req.header("content-type");
  if (!header) return true;
  std::string type{header->substr(0, header->find(';'))};
  std::erase_if(type, [](char c) { return c == ' ' || c == '\t'; });
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
  return type.empty() || type == "application/json" || type.ends_with("+json");
}

arguments::arguments(const request& req) : request_(req) {
  if (is_blank(req.body)) return;
  // As FastAPI: a form is no object, and only who wants an object minds.
  unread_ = !claims_json(req);
  if (unread_) return;
  std::string_view text{req.body};
  if (constexpr std::string_view byte_order_mark{"\xEF\xBB\xBF"}; text.starts_with(byte_order_mark))
    text.remove_prefix(byte_order_mark.size());  // some tools of Windows write one
  body_ = parse_body(text, errors_);
  if (body_ && body_->is_null()) body_.reset();
}

const boost::json::value* arguments::member(std::string_view name) const {
  const auto* object = body_ ? body_->if_object() : nullptr;
  return object ? object->if_contains(name) : nullptr;
}

std::optional<std::string> arguments::maybe_string(std::string_view name) {
  if (const auto text = request_.query_value(name)) return std::string{*text};
  const auto* v = member(name);
  if (!v || v->is_null()) return std::nullopt;
  return parse_string(*v, name, errors_);
}

std::string arguments::required_string(std::string_view name) {
  if (const auto text = request_.query_value(name)) return std::string{*text};
  if (const auto* v = member(name)) return parse_string(*v, name, errors_).value_or("");
  fail(name, words::required);
  return {};
}

std::string arguments::string_or(std::string_view name, std::string_view fallback) {
  if (const auto text = request_.query_value(name)) return std::string{*text};
  if (const auto* v = member(name)) return parse_string(*v, name, errors_).value_or(std::string{fallback});
  return std::string{fallback};
}

bool arguments::boolean_or(std::string_view name, bool fallback) {
  if (const auto text = request_.query_value(name)) return parse_bool(*text, name, errors_).value_or(fallback);
  if (const auto* v = member(name)) return parse_bool(*v, name, errors_).value_or(fallback);
  return fallback;
}

std::int64_t arguments::required_integer(std::string_view name, std::int64_t least, std::int64_t most) {
  std::optional<std::int64_t> n;
  if (const auto text = request_.query_value(name)) {
    n = parse_int(*text, name, errors_);
  } else if (const auto* v = member(name)) {
    n = parse_int(*v, name, errors_);
  } else {
    fail(name, words::required);
  }
  if (!n) return least;
  constraint bounds;
  bounds.ge = least;
  bounds.le = most;
  if (const std::string text = out_of_bounds(bounds, *n); !text.empty()) fail(name, text);
  return *n;
}

std::optional<std::int64_t> arguments::maybe_count(std::string_view name) {
  std::optional<std::int64_t> n;
  if (const auto text = request_.query_value(name)) {
    n = parse_int(*text, name, errors_);
  } else if (const auto* v = member(name); v && !v->is_null()) {
    n = parse_int(*v, name, errors_);
  }
  if (n) check_not_negative(name, *n);
  return n;
}

std::optional<double> arguments::maybe_number(std::string_view name) {
  std::optional<double> x;
  if (const auto text = request_.query_value(name)) {
    x = parse_float(*text, name, errors_);
  } else if (const auto* v = member(name); v && !v->is_null()) {
    x = parse_float(*v, name, errors_);
  }
  if (x) check_not_negative(name, *x);
  return x;
}

template <class V>
void arguments::check_not_negative(std::string_view name, V value) {
  constraint not_negative;
  not_negative.ge = 0;
  if (const std::string text = out_of_bounds(not_negative, value); !text.empty()) fail(name, text);
}

page_request arguments::page() {
  page_request p;
  p.size = maybe_count("page_size");
  p.number = maybe_count("page_number");
  return p;
}

std::vector<std::string> arguments::body_list() {
  if (body_) return parse_string_list(*body_, "body", errors_).value_or(std::vector<std::string>{});
  if (errors_.empty()) fail("body", unread_ ? words::list_type : words::required);
  return {};
}

void arguments::check_ssh_key(std::string_view name, std::string& key) {
  key.erase(key.find_last_not_of("\r\n") + 1);  // npos + 1 is 0
  if (!crypto::is_openssh_public_key(key)) fail(name, "Input should be one OpenSSH public key line");
}

void arguments::fail(std::string_view name, std::string_view message) {
  field_error e;
  e.name = name;
  e.message = message;
  errors_.push_back(std::move(e));
}

response arguments::refusal() const { return response{422, validation_failure(errors_)}; }

}  // namespace lode::http
