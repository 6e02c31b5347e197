#include "cli/api.hpp"

#include "cli/terminal.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace lode::cli {
namespace {

namespace json = boost::json;

std::size_t past_blanks(std::string_view t, std::size_t i) {
  while (i < t.size() && (t[i] == ' ' || t[i] == '\n' || t[i] == '\r' || t[i] == '\t')) ++i;
  return i;
}

/// Past the string that begins at i.
std::size_t past_string(std::string_view t, std::size_t i) {
  for (++i; i < t.size() && t[i] != '"'; ++i)
    if (t[i] == '\\') ++i;
  return std::min(i + 1, t.size());
}

std::size_t past_value(std::string_view t, std::size_t i) {
  std::size_t depth = 0;
  while (i < t.size()) {
    const char c = t[i];
    if (c == '"') {
      i = past_string(t, i);
      if (depth == 0) return i;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return i;
      if (--depth == 0) return i + 1;
    }
    if (c == ',' && depth == 0) return i;
    ++i;
  }
  return i;
}

/// err_detail as one line: a text, or the list of fields of a validation error.
std::string detail_text(const json::value& v) {
  const auto* list = v.if_array();
  if (!list) return v.is_null() ? std::string{} : text_of_value(v);
  std::string out;
  for (const auto& e : *list) {
    if (!out.empty()) out += "; ";
    out += text_in(e, "field") + ": " + text_in(e, "message");
  }
  return out;
}

struct advice {
  ending code;
  std::string next;
};

advice advice_of(unsigned status, std::string_view message, std::string_view detail) {
  switch (status) {
    case 400:
      if (detail == "Invalid UUID key")
        return {ending::unauthorised, "the allocation was made with another UUID: name it with --uuid"};
      return {ending::usage, {}};
    case 401:
      return {ending::unauthorised,
              "give a key: LODE_KEY=lode_…, or  lode context set NAME --server URL --api-key-file FILE"};
    case 403:
      if (message.starts_with("Forbidden"))
        return {ending::unauthorised, "use a key with that role; see  lode keys --help"};
      if (message.starts_with("Access forbidden"))
        return {ending::unauthorised, "an operator must add your address to the server's allow-list"};
      if (detail.starts_with("The miner takes nothing new"))
        return {ending::failed, "rent another one in time with  lode allocate  and move what you need"};
      return {ending::failed, "see how it is with  lode show NAME  and try again"};
    case 404:
      if (message == "Not Found")
        return {ending::failed, "the server does not know this call: it is older than this lode, or no loded"};
      if (message.starts_with("Fail to allocate resource, blacklisted"))
        return {ending::not_found, "that miner is on the operator's blacklist; see  lode resources"};
      if (message.starts_with("Fail to allocate"))
        return {ending::not_found, "see what is free with  lode resources  and ask for less, or try again later"};
      if (message.starts_with("No allocation details"))
        return {ending::not_found, "the lease has ended, or never was; see  lode ls"};
      return {ending::not_found, {}};
    case 422:
      return {ending::usage, {}};
    case 429:
    case 503:
      return {ending::unreachable, "try again in a moment; if it stays so, look at the server with  lode doctor"};
    case 501:
      return {ending::failed, "this server cannot do that yet"};
    default:
      if (status >= 500) return {ending::failed, "this is the server's fault; its log tells more"};
      return {ending::failed, {}};
  }
}

}  // namespace

std::string_view raw_member(std::string_view t, std::string_view name) {
  auto i = past_blanks(t, 0);
  if (i >= t.size() || t[i] != '{') return {};
  ++i;
  while (true) {
    i = past_blanks(t, i);
    if (i >= t.size() || t[i] != '"') return {};
    const auto key_end = past_string(t, i);
    const auto key = t.substr(i + 1, key_end - i - 2);
    i = past_blanks(t, key_end);
    if (i >= t.size() || t[i] != ':') return {};
    i = past_blanks(t, i + 1);
    const auto end = past_value(t, i);
    auto value = t.substr(i, end - i);
    while (!value.empty() && past_blanks(value, value.size() - 1) == value.size()) value.remove_suffix(1);
    if (key == name) return value;
    i = past_blanks(t, end);
    if (i >= t.size() || t[i] != ',') return {};
    ++i;
  }
}

std::vector<std::string_view> raw_elements(std::string_view t) {
  std::vector<std::string_view> out;
  auto i = past_blanks(t, 0);
  if (i >= t.size() || t[i] != '[') return out;
  i = past_blanks(t, i + 1);
  while (i < t.size() && t[i] != ']') {
    const auto end = past_value(t, i);
    auto value = t.substr(i, end - i);
    while (!value.empty() && past_blanks(value, value.size() - 1) == value.size()) value.remove_suffix(1);
    if (value.empty()) break;
    out.push_back(value);
    i = past_blanks(t, end);
    if (i >= t.size() || t[i] != ',') break;
    i = past_blanks(t, i + 1);
  }
  return out;
}

std::string raw_array(const std::vector<std::string_view>& elements) {
  return fmt::format("[{}]", fmt::join(elements, ","));
}

outcome<answer> open_reply(const http_reply& reply, std::string_view doing) {
  answer out;
  out.status = reply.status;
  out.retry_after = reply.retry_after;
  out.date = reply.date;
  out.certificate_end = reply.certificate_end;
  boost::system::error_code ec;
  const auto v = json::parse(reply.body, ec);
  const auto* root = ec ? nullptr : v.if_object();
  const auto* success = root ? root->if_contains("success") : nullptr;
  if (!success || !success->is_bool())
    return failure{ending::failed, fmt::format("{}: status {} and no answer of a loded", doing, reply.status),
                   "is the address that of a loded? see it with  lode context list"};
  out.message = text_in(v, "message");
  if (success->as_bool()) {
    if (const auto* data = root->if_contains("data")) out.data = *data;
    out.raw_data = raw_member(reply.body, "data");
    return out;
  }
  const auto* found = root->if_contains("err_detail");
  const auto detail = found ? detail_text(*found) : std::string{};
  auto a = advice_of(reply.status, out.message, detail);
  // Where the detail says all, the contract's preamble only hides it.
  const auto said = reply.status == 422 && !detail.empty()    ? detail
                    : detail.empty() || detail == out.message ? out.message
                                                              : out.message + " (" + detail + ")";
  return failure{a.code, harmless(fmt::format("{}: {}", doing, said)), std::move(a.next)};
}

failure failure_of(const wire_error& e, const server_url& url, std::string_view doing) {
  const auto what = fmt::format("{}: {}: {}", doing, url.text(), e.detail);
  switch (e.problem) {
    case wire_problem::unreachable:
      return {ending::unreachable, what,
              "is the server running, and its address right? choose another with --server or  lode context use"};
    case wire_problem::untrusted:
      if (e.detail.find("expired") != std::string::npos)
        return {ending::unreachable, what,
                "it must be renewed, unless this machine's clock is wrong: see  lode doctor"};
      return {ending::unreachable, what,
              "name the authority that signed the server's certificate with --ca-file, and your own certificate with "
              "--cert and --cert-key where the server wants one"};
    case wire_problem::broken:
      return {ending::unreachable, what, "try again"};
    case wire_problem::late:
      return {ending::unreachable, what, "try again, or allow more time with --timeout"};
    case wire_problem::files:
      return {ending::usage, fmt::format("{}: {}", doing, e.detail), {}};
    case wire_problem::interrupted:
      break;
  }
  return {ending::interrupted, "interrupted", {}};
}

bool may_come_right(const failure& f) { return f.code == ending::unreachable; }

milliseconds pause_before_retry(std::string_view retry_after, milliseconds otherwise) {
  constexpr int longest = 30;
  int seconds = 0;
  const auto read = std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  if (read.ec != std::errc{} || seconds < 0) return otherwise;
  return std::chrono::seconds{std::clamp(seconds, 1, longest)};
}

std::string text_of_value(const json::value& v) {
  if (v.is_null()) return {};
  if (const auto* s = v.if_string()) return std::string{*s};
  if (const auto* b = v.if_bool()) return *b ? "yes" : "no";
  if (const auto* d = v.if_double()) return fmt::format("{:.2f}", *d);
  if (const auto* n = v.if_int64()) return std::to_string(*n);
  if (const auto* n = v.if_uint64()) return std::to_string(*n);
  return json::serialize(v);
}

std::string text_in(const json::value& v, std::string_view member) {
  const auto* object = v.if_object();
  const auto* found = object ? object->if_contains(member) : nullptr;
  return found ? text_of_value(*found) : std::string{};
}

}  // namespace lode::cli
