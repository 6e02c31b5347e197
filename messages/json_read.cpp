#include "messages/json_read.hpp"

namespace lode {
namespace detail {
namespace {
constexpr std::size_t max_depth = 32;
constexpr std::size_t max_bytes = 64 * 1024 * 1024;  // whoever receives the text has a smaller bound of its own
}  // namespace

std::optional<boost::json::value> parse_text(std::string_view text, std::size_t& offset) {
  if (text.size() > max_bytes) {
    offset = max_bytes;
    return std::nullopt;
  }
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::json::parser parser{{}, options};
  boost::json::error_code ec;
  offset = parser.write_some(text.data(), text.size(), ec);
  if (ec || offset < text.size()) return std::nullopt;
  return parser.release();
}

std::string_view read_scalar(const boost::json::value& v, std::int64_t& out) noexcept {
  switch (v.kind()) {
    case boost::json::kind::int64:
      out = v.get_int64();
      return {};
    case boost::json::kind::uint64:
      return words::int_size;  // only numbers beyond int64 are kept so
    case boost::json::kind::double_:
      return int_from_float(v.get_double(), out);
    case boost::json::kind::bool_:
      out = v.get_bool() ? 1 : 0;
      return {};
    case boost::json::kind::string:
      return int_from_text(v.get_string(), out);
    default:
      return words::int_type;
  }
}

std::string_view read_scalar(const boost::json::value& v, double& out) noexcept {
  switch (v.kind()) {
    case boost::json::kind::int64:
      out = static_cast<double>(v.get_int64());
      return {};
    case boost::json::kind::uint64:
      out = static_cast<double>(v.get_uint64());
      return {};
    case boost::json::kind::double_:
      if (v.get_double() - v.get_double() != 0) return words::finite;
      out = v.get_double();
      return {};
    case boost::json::kind::bool_:
      out = v.get_bool() ? 1 : 0;
      return {};
    case boost::json::kind::string:
      return float_from_text(v.get_string(), out);
    default:
      return words::number_type;
  }
}

std::string_view read_scalar(const boost::json::value& v, bool& out) noexcept {
  double number = 0;
  switch (v.kind()) {
    case boost::json::kind::bool_:
      out = v.get_bool();
      return {};
    case boost::json::kind::string:
      return bool_from_text(v.get_string(), out);
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
    case boost::json::kind::double_:
      if (!read_scalar(v, number).empty() || (number != 0 && number != 1)) return words::bool_text;
      out = number == 1;
      return {};
    default:
      return words::bool_type;
  }
}

std::string_view read_scalar(const boost::json::value& v, std::string& out) {
  const auto* text = v.if_string();
  if (!text) return words::string_type;
  out.assign(text->data(), text->size());
  return {};
}

}  // namespace detail

namespace {

template <class V>
std::optional<V> read_named(const boost::json::value& v, std::string_view name, std::vector<field_error>& errors) {
  const std::size_t before = errors.size();
  V out{};
  detail::read_value(v, out, {}, detail::place{name}, errors);
  if (errors.size() > before) return std::nullopt;
  return out;
}

template <class V>
std::optional<V> named(std::string_view problem, V value, std::string_view name, std::vector<field_error>& errors) {
  if (problem.empty()) return value;
  detail::fail(errors, {name}, problem);
  return std::nullopt;
}

}  // namespace

std::optional<boost::json::value> parse_body(std::string_view text, std::vector<field_error>& errors) {
  std::size_t offset = 0;
  auto v = detail::parse_text(text, offset);
  if (!v) detail::fail(errors, {{}, static_cast<std::int64_t>(offset)}, words::json);
  return v;
}

template <class T>
std::optional<T> parse(const boost::json::value& v, std::vector<field_error>& errors) {
  return read_named<T>(v, "body", errors);
}
template <class T>
void parse_into(const boost::json::value& v, T& out, std::vector<field_error>& errors) {
  detail::read_value(v, out, {}, detail::place{"body"}, errors);
}
template void parse_into(const boost::json::value&, device_requirement&, std::vector<field_error>&);
template void parse_into(const boost::json::value&, docker_requirement&, std::vector<field_error>&);
template void parse_into(const boost::json::value&, allocate_spec_body&, std::vector<field_error>&);
template void parse_into(const boost::json::value&, resource_query&, std::vector<field_error>&);

template std::optional<device_requirement> parse(const boost::json::value&, std::vector<field_error>&);
template std::optional<docker_requirement> parse(const boost::json::value&, std::vector<field_error>&);
template std::optional<allocate_spec_body> parse(const boost::json::value&, std::vector<field_error>&);
template std::optional<allocation> parse(const boost::json::value&, std::vector<field_error>&);
template std::optional<resource> parse(const boost::json::value&, std::vector<field_error>&);
template std::optional<resource_query> parse(const boost::json::value&, std::vector<field_error>&);
template std::optional<specs_document> parse(const boost::json::value&, std::vector<field_error>&);
template std::optional<miner_info> parse(const boost::json::value&, std::vector<field_error>&);

std::optional<std::int64_t> parse_int(const boost::json::value& v, std::string_view name, std::vector<field_error>& e) {
  return read_named<std::int64_t>(v, name, e);
}
std::optional<double> parse_float(const boost::json::value& v, std::string_view name, std::vector<field_error>& e) {
  return read_named<double>(v, name, e);
}
std::optional<bool> parse_bool(const boost::json::value& v, std::string_view name, std::vector<field_error>& e) {
  return read_named<bool>(v, name, e);
}
std::optional<std::string> parse_string(const boost::json::value& v, std::string_view name,
                                        std::vector<field_error>& e) {
  return read_named<std::string>(v, name, e);
}
std::optional<std::vector<std::string>> parse_string_list(const boost::json::value& v, std::string_view name,
                                                          std::vector<field_error>& e) {
  return read_named<std::vector<std::string>>(v, name, e);
}

std::optional<std::int64_t> parse_int(std::string_view text, std::string_view name, std::vector<field_error>& errors) {
  std::int64_t value = 0;
  const auto problem = int_from_text(text, value);
  return named(problem, value, name, errors);
}
std::optional<double> parse_float(std::string_view text, std::string_view name, std::vector<field_error>& errors) {
  double value = 0;
  const auto problem = float_from_text(text, value);
  return named(problem, value, name, errors);
}
std::optional<bool> parse_bool(std::string_view text, std::string_view name, std::vector<field_error>& errors) {
  bool value = false;
  const auto problem = bool_from_text(text, value);
  return named(problem, value, name, errors);
}

}  // namespace lode
