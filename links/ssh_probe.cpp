#include "links/ssh_probe.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/system/errc.hpp>

#include <array>
#include <string>

namespace lode::links {

namespace asio = boost::asio;
namespace serrc = boost::system::errc;
using boost::system::error_code;

namespace {

constexpr std::size_t max_before_banner = 8192;

bool has_banner(const std::string& text) {
  return text.starts_with("SSH-") || text.find("\nSSH-") != std::string::npos;
}

}  // namespace

strand_task<ssh_state> read_banner(std::shared_ptr<transfer> t, tcp_endpoint where, steady_time deadline) {
  auto ec = co_await connect(t, where, deadline);
  if (ec) {
    const bool rejected = ec == asio::error::connection_refused || ec == asio::error::connection_reset;
    co_return rejected && !t->over() ? ssh_state::closed : ssh_state::unknown;
  }
  std::string text;
  std::array<char, 512> chunk{};
  while (text.size() < max_before_banner) {
    const auto n = co_await t->socket.async_read_some(asio::buffer(chunk), asio::redirect_error(await, ec));
    if (t->stopped()) co_return ssh_state::unknown;
    if (t->expired()) co_return ssh_state::silent;
    if (ec == asio::error::eof || ec == asio::error::connection_reset) co_return ssh_state::closed;
    if (ec) co_return ssh_state::unknown;
    text.append(chunk.data(), n);
    if (!has_banner(text)) continue;
    error_code ignored;
    t->disarm();
    t->socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    t->socket.close(ignored);
    co_return ssh_state::open;
  }
  co_return ssh_state::silent;
}

bool is_shortage(const error_code& ec) noexcept {
  return ec == serrc::too_many_files_open || ec == serrc::too_many_files_open_in_system ||
         ec == serrc::not_enough_memory || ec == serrc::no_buffer_space;
}

}  // namespace lode::links
