#include "http/address_list.hpp"

#include <algorithm>
#include <charconv>

namespace lode::http {
namespace {

namespace ip = boost::asio::ip;

constexpr unsigned short mapped_prefix = 96;

ip::address plain(const ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, a.to_v6());
  return a;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<unsigned short> prefix_from(std::string_view text, unsigned short most) {
  unsigned short out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc{} || end != text.data() + text.size() || out > most) return std::nullopt;
  return out;
}

template <class Network, class Address>
bool within(const Network& n, const Address& a) {
  return Network{a, n.prefix_length()}.network() == n.network();
}

}  // namespace

result<address_list> address_list::parse(std::span<const std::string> texts) {
  address_list out;
  for (const auto& text : texts) {
    const error wrong{errc::config_invalid, "\"" + text + "\" is neither an address nor a network as 10.0.0.0/8"};
    const auto slash = text.find('/');
    boost::system::error_code ec;
    const auto address = ip::make_address(text.substr(0, slash), ec);
    if (ec) return wrong;
    const unsigned short bits = address.is_v4() ? 32 : 128;
    const auto prefix = slash == std::string::npos ? bits : prefix_from(std::string_view{text}.substr(slash + 1), bits);
    if (!prefix) return wrong;
    if (address.is_v4())
      out.v4_.emplace_back(address.to_v4(), *prefix);
    else if (address.to_v6().is_v4_mapped() && *prefix >= mapped_prefix)
      out.v4_.emplace_back(plain(address).to_v4(), static_cast<unsigned short>(*prefix - mapped_prefix));
    else
      out.v6_.emplace_back(address.to_v6(), *prefix);
  }
  return out;
}

bool address_list::contains(const ip::address& any) const {
  const auto a = plain(any);
  if (a.is_v4()) return std::any_of(v4_.begin(), v4_.end(), [&](const auto& n) { return within(n, a.to_v4()); });
  return std::any_of(v6_.begin(), v6_.end(), [&](const auto& n) { return within(n, a.to_v6()); });
}

std::optional<ip::address> address_from(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    text = text.substr(1, end - 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  boost::system::error_code ec;
  const auto a = ip::make_address(std::string{text}, ec);
  if (ec) return std::nullopt;
  return plain(a);
}

std::optional<ip::address> client_address(const ip::address& peer, std::optional<std::string_view> forwarded_for,
                                          const address_list& proxies) {
  std::optional<ip::address> client = plain(peer);
  auto rest = forwarded_for.value_or(std::string_view{});
  while (client && proxies.contains(*client) && !trimmed(rest).empty()) {
    const auto comma = rest.rfind(',');
    client = address_from(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(0, comma);
  }
  return client;
}

}  // namespace lode::http
