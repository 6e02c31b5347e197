#include "links/webhook_url.hpp"

#include "crypto/crypto.hpp"

#include <boost/algorithm/string/case_conv.hpp>
// Boost.URL is used as headers only: Debian's package has no library of it.
#include <boost/url/src.hpp>
#include <boost/url/url_view.hpp>

#include <charconv>
#include <system_error>

namespace lode::links {

result<webhook_url> parse_webhook_url(std::string_view text) {
  const auto refuse = [](std::string why) { return error{errc::config_invalid, std::move(why)}; };
  const auto parsed = boost::urls::parse_uri(boost::urls::string_view{text.data(), text.size()});
  if (!parsed) return refuse("is not a URL");
  const boost::urls::url_view& url = *parsed;
  webhook_url out;
  if (url.scheme_id() == boost::urls::scheme::https)
    out.tls = true;
  else if (url.scheme_id() != boost::urls::scheme::http)
    return refuse("expected a URL that begins with http:// or https://");
  if (url.host().empty()) return refuse("names no host");
  out.host = boost::algorithm::to_lower_copy(std::string{url.host_address()});
  for (const char c : out.host)
    if (c <= ' ' || c >= 0x7F) return refuse("names no sane host");
  out.port = out.tls ? 443 : 80;
  if (url.has_port()) {
    // Not port_number(): what does not fit it takes modulo 65536.
    const std::string port{url.port()};
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (failed != std::errc{} || end != port.data() + port.size() || out.port == 0) return refuse("has no valid port");
  }
  out.host_field = std::string{url.encoded_host()};
  if (url.has_port()) out.host_field += ":" + std::to_string(out.port);
  out.target = std::string{url.encoded_path()};
  if (out.target.empty()) out.target = "/";
  if (url.has_query()) out.target += "?" + std::string{url.encoded_query()};
  if (url.has_userinfo())
    out.authorization = "Basic " + crypto::to_base64(std::string{url.user()} + ":" + std::string{url.password()});
  return out;
}

}  // namespace lode::links
