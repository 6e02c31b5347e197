// Settings as text: reading, checking against their rules, writing as TOML.
#include "config/table.hpp"
#include "messages/validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace lode::config {
namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    const auto part = text.substr(0, end);
    const auto first = part.find_first_not_of(' ');
    if (first != std::string_view::npos) parts.emplace_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string number_rule(std::string_view kind, const rule& must) {
  if (must.least && must.most) return fmt::format("expected {} from {:.15g} to {:.15g}", kind, *must.least, *must.most);
  if (must.least) return fmt::format("expected {}, at least {:.15g}", kind, *must.least);
  if (must.most) return fmt::format("expected {}, at most {:.15g}", kind, *must.most);
  return fmt::format("expected {}", kind);
}

bool outside(const rule& must, double v) { return !(v >= must.least.value_or(v)) || !(v <= must.most.value_or(v)); }

std::string broken_text(const rule& must, const std::string& text) {
  if (text.empty()) return must.not_empty ? "expected a text that is not empty" : "";
  if (text.find('\0') != std::string::npos) return "expected a text without NUL";
  if (!must.choices.empty()) {
    const auto choices = split(must.choices, "|");
    if (std::find(choices.begin(), choices.end(), text) == choices.end())
      return fmt::format("expected one of {}", fmt::join(choices, ", "));
  }
  return must.form ? std::string{must.form(text)} : "";
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out.append(1, '\\').append(1, c);
    else if (byte < 0x20 || byte == 0x7F)
      out.append(fmt::format("\\u{:04X}", byte));
    else
      out.push_back(c);
  }
  return out + '"';
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string variable_name(std::string_view prefix, std::string_view setting_name) {
  std::string name{prefix};
  for (const char c : setting_name) name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return name;
}

std::string set_from_text(bound_setting& s, std::string_view text) {
  const rule& must = *s.must;
  return std::visit(
      overloaded{
          [&](std::string* v) {
            *v = text;
            return std::string{};
          },
          [&](std::int64_t* v) { return int_from_text(text, *v).empty() ? "" : number_rule("a whole number", must); },
          [&](double* v) { return float_from_text(text, *v).empty() ? "" : number_rule("a number", must); },
          [&](bool* v) { return std::string{bool_from_text(text, *v).empty() ? "" : "expected true or false"}; },
          [&](std::vector<std::string>* v) {
            *v = split(text, ",\n");
            return std::string{};
          },
      },
      s.value);
}

std::string broken_rule(const bound_setting& s) {
  const rule& must = *s.must;
  return std::visit(overloaded{
                        [&](const std::string* v) { return broken_text(must, *v); },
                        [&](const std::int64_t* v) {
                          return outside(must, static_cast<double>(*v)) ? number_rule("a whole number", must) : "";
                        },
                        [&](const double* v) { return outside(must, *v) ? number_rule("a number", must) : ""; },
                        [](const bool*) { return std::string{}; },
                        [&](const std::vector<std::string>* v) {
                          for (const auto& item : *v) {
                            auto problem = item.empty() ? "expected no empty element" : broken_text(must, item);
                            if (!problem.empty()) return problem;
                          }
                          return std::string{};
                        },
                    },
                    s.value);
}

std::string toml_text(const bound_setting& s) {
  return std::visit(overloaded{
                        [](const std::string* v) { return quoted(*v); },
                        [](const std::int64_t* v) { return std::to_string(*v); },
                        [](const double* v) {
                          auto text = fmt::format("{}", *v);
                          return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
                        },
                        [](const bool* v) { return std::string{*v ? "true" : "false"}; },
                        [](const std::vector<std::string>* v) {
                          std::vector<std::string> items;
                          std::transform(v->begin(), v->end(), std::back_inserter(items), quoted);
                          return fmt::format("[{}]", fmt::join(items, ", "));
                        },
                    },
                    s.value);
}

std::string suggestion(std::string_view unknown, std::span<const bound_setting> known) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, unknown.size() / 4) + 1;  // further away it would only mislead
  for (const auto& s : known)
    if (const auto d = distance(unknown.substr(0, 100), s.name); d < least) {
      least = d;
      best = s.name;
    }
  return best.empty() ? "" : fmt::format(" (did you mean {}?)", best);
}

// ---------------------------------------------------------------------------------------------------------------------
// Forms

std::string_view host_and_port(std::string_view text) {
  constexpr std::string_view expected =
      "expected HOST:PORT with a literal IP or localhost, as 127.0.0.1:8903 or [::1]:8903";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return expected;
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos)
    return expected;
  if (std::stoi(std::string{port}) > 65535) return expected;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos)) return expected;
  return host == "localhost" || is_literal_ip(host) ? "" : expected;
}

std::string_view http_url(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.starts_with(scheme) && text.size() > scheme.size() && text[scheme.size()] != '/' &&
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; }))
      return {};
  return "expected a URL that begins with http:// or https://";
}

std::string_view literal_ip(std::string_view text) {
  return is_literal_ip(text) ? "" : "expected a literal IP address";
}

std::string_view ip_or_network(std::string_view text) {
  constexpr std::string_view expected = "expected addresses and networks, as 10.0.0.7, 10.0.0.0/8 or fd00::/8";
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  if (!is_literal_ip(address)) return expected;
  if (slash == std::string_view::npos) return {};
  const auto prefix = text.substr(slash + 1);
  if (prefix.empty() || prefix.size() > 3 || prefix.find_first_not_of("0123456789") != std::string_view::npos)
    return expected;
  const int most = address.find(':') == std::string_view::npos ? 32 : 128;
  return std::stoi(std::string{prefix}) <= most ? "" : expected;
}

std::string_view ss58_address(std::string_view text) {
  return looks_like_ss58(text) ? "" : "expected SS58 addresses: 48 characters that begin with 5";
}

std::string_view name_and_reference(std::string_view text) {
  const auto equals = text.find('=');
  const bool good = equals != std::string_view::npos && equals > 0 && equals + 1 < text.size() &&
                    text.find_first_of(" \t\n") == std::string_view::npos;
  return good ? "" : "expected NAME=REFERENCE, as ubuntu=localhost/lode-base:1";
}

std::string_view name_part(std::string_view text) {
  const auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = letter_or_digit(text.front()) && std::all_of(text.begin(), text.end(), [&](char c) {
                      return letter_or_digit(c) || c == '-' || c == '_' || c == '.';
                    });
  return good ? "" : "expected letters, digits, and - _ . after the first";
}

}  // namespace lode::config
