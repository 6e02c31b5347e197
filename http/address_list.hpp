#pragma once
// Addresses and networks, as of an allow-list, and who a request comes from behind proxies. Pure; any thread.

#include "messages/error.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lode::http {

class address_list {
 public:
  /// Each an address ("10.0.0.7", "::1") or a network ("10.0.0.0/8", "fd00::/8"); what stands beyond the prefix does
  /// not count. config_invalid names the first that is neither.
  static result<address_list> parse(std::span<const std::string> texts);

  [[nodiscard]] bool empty() const noexcept { return v4_.empty() && v6_.empty(); }
  /// An IPv4 address inside of an IPv6 one (::ffff:a.b.c.d) is that IPv4 address, here and in the list.
  [[nodiscard]] bool contains(const boost::asio::ip::address& a) const;

 private:
  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

/// The address in `text`, which may carry a port ("10.0.0.7:443", "[::1]:443") and blanks around it; an IPv4 one inside
/// of an IPv6 one is made plain.
std::optional<boost::asio::ip::address> address_from(std::string_view text);

/// Who sent a request that came from `peer` with this x-forwarded-for: the peer unless it is one of `proxies`, else the
/// right-most address that is none (each proxy appends whom it heard it from, and what an untrusted one says is worth
/// nothing), else the left-most. Unset when that is no address.
std::optional<boost::asio::ip::address> client_address(const boost::asio::ip::address& peer,
                                                       std::optional<std::string_view> forwarded_for,
                                                       const address_list& proxies);

}  // namespace lode::http
