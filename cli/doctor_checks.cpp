#include "cli/doctor_checks.hpp"

#include "config/settings.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

namespace lode::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t day = 86'400;
constexpr timeval engine_bound{3, 0};

class open_socket {
 public:
  explicit open_socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &engine_bound, sizeof engine_bound);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &engine_bound, sizeof engine_bound);
  }
  ~open_socket() { ::close(fd_); }
  open_socket(const open_socket&) = delete;
  open_socket& operator=(const open_socket&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

finding check_engine(const std::string& path) {
  const std::string what = "container engine";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {grade::fail, what, path + ": too long for a socket's name", {}};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const open_socket s{AF_UNIX};
  if (::connect(s.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return {grade::fail, what, path + ": " + std::strerror(errno),
            errno == EACCES ? "run as root, or as a user that may use the engine"
                            : "start Podman's socket (systemctl start podman.socket) or Docker"};
  constexpr std::string_view question = "GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n";
  std::array<char, 4096> reply{};
  ssize_t n = ::send(s.get(), question.data(), question.size(), MSG_NOSIGNAL);
  if (n > 0) n = ::recv(s.get(), reply.data(), reply.size() - 1, 0);
  const std::string_view text{reply.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
  if (text.find(" 200 ") == std::string_view::npos)
    return {grade::fail, what, path + " does not answer as an engine", "is it the socket of Docker or Podman?"};
  return {grade::ok, what, path + " answers", {}};
}

/// Host and port of "127.0.0.1:80".
std::pair<std::string, int> parts_of(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return {listen, 0};
  int port = 0;
  std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), port);
  return {listen.substr(0, colon), port};
}

/// Whether a program on this host has the port, for addresses of the family of `host`.
bool is_taken(std::string_view host, int port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  const open_socket s{v6 ? AF_INET6 : AF_INET};
  const int yes = 1;
  // As our programs do: ports of ended connections count as free.
  ::setsockopt(s.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in in4{};
  in4.sin_family = AF_INET;
  in4.sin_addr.s_addr = htonl(INADDR_ANY);
  in4.sin_port = htons(static_cast<std::uint16_t>(port));
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_addr = in6addr_any;
  in6.sin6_port = in4.sin_port;
  if (v6) ::setsockopt(s.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  const int bound = v6 ? ::bind(s.get(), reinterpret_cast<const sockaddr*>(&in6), sizeof in6)
                       : ::bind(s.get(), reinterpret_cast<const sockaddr*>(&in4), sizeof in4);
  return bound != 0 && errno == EADDRINUSE;
}

template <class Settings>
const Settings* settings_of(const config::outcome<Settings>& parsed, const std::string& what, const std::string& file,
                            std::vector<finding>& out) {
  if (const auto* bad = std::get_if<config::print_and_exit>(&parsed)) {
    out.push_back({grade::fail, what, harmless(bad->text), "correct " + file});
    return nullptr;
  }
  out.push_back({grade::ok, what, file + " is well-formed", {}});
  return &std::get<config::run_with<Settings>>(parsed).settings;
}

}  // namespace

finding grade_certificate(std::string_view what, std::string_view end, std::int64_t now) {
  const auto at = seconds_of(end);
  if (at == 0) return {grade::warn, std::string{what}, "its end is not known", {}};
  const auto found = fmt::format("ends {}, {}", relative(end, now), end);
  if (at <= now)
    return {grade::fail, std::string{what}, found, "make a new one (scripts/make-certs for a private authority)"};
  if (at - now < 14 * day) return {grade::warn, std::string{what}, found, "renew it, then send loded SIGHUP"};
  return {grade::ok, std::string{what}, found, {}};
}

finding grade_clock(std::string_view http_date, std::int64_t now) {
  std::tm t{};
  const std::string copy{http_date};
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &t);
  if (!end || *end != '\0') return {grade::warn, "clock", "the server does not tell the time", {}};
  const auto apart = std::llabs(static_cast<long long>(::timegm(&t)) - now);
  const auto found = fmt::format("{} s apart from the server's", apart);
  if (apart <= 2) return {grade::ok, "clock", found, {}};
  return {apart <= 30 ? grade::warn : grade::fail, "clock", found,
          "let both machines follow NTP (timedatectl set-ntp true)"};
}

finding check_private_file(std::string_view what, const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return errno == ENOENT ? finding{grade::ok, std::string{what}, "none yet", {}}
                           : finding{grade::fail, std::string{what}, path + ": " + std::strerror(errno), {}};
  if ((info.st_mode & 077U) != 0)
    return {grade::fail, std::string{what},
            fmt::format("{} has mode {:o}: others may read it", path, info.st_mode & 0777U), "chmod 600 " + path};
  return {grade::ok, std::string{what}, path, {}};
}

/// A group may read it, as the daemon allows.
finding check_key_file(std::string_view what, const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return {grade::fail, std::string{what}, path + ": " + std::strerror(errno), "name the key of the certificate"};
  if ((info.st_mode & (S_IRWXO | S_IWGRP)) != 0)
    return {grade::fail, std::string{what},
            fmt::format("{} has mode {:o}: others may read it", path, info.st_mode & 0777U), "chmod 600 " + path};
  return {grade::ok, std::string{what}, path, {}};
}

finding check_wallet(const std::string& path) {
  auto out = check_private_file("hotkey", path);
  if (out.found == "none yet")
    return {grade::fail, "hotkey", path + ": is not there", "make one with  lode-miner wallet new " + path};
  const auto text = read_file(path);
  if (!text) return {grade::fail, "hotkey", text.error().what, "let the user that runs the program read it"};
  if (text->starts_with("$NACL") || text->starts_with("gAAAA"))
    return {grade::fail, "hotkey", path + " is encrypted",
            "a server cannot ask for a password: use an unencrypted hotkey file"};
  boost::system::error_code ec;
  const auto v = json::parse(*text, ec);
  if (ec || (text_in(v, "secretSeed").empty() && text_in(v, "privateKey").empty()) || text_in(v, "ss58Address").empty())
    return {grade::fail, "hotkey", path + " is no hotkey file", "expected JSON with secretSeed and ss58Address"};
  if (out.verdict == grade::ok) out.found = text_in(v, "ss58Address") + " in " + path;
  return out;
}

finding check_certificate(std::string_view what, const std::string& file) {
  const auto end = certificate_end(file);
  if (!end) return {grade::fail, std::string{what}, end.error().what, "name a readable PEM file"};
  return grade_certificate(what, *end, now_seconds());
}

finding check_ssh(const environment& env) {
  if (program_in_path("ssh", env).empty())
    return {grade::warn, "ssh", "is not installed", "install openssh-client, for  lode ssh"};
  if (!file_exists(env.expanded("~/.ssh/id_ed25519.pub")))
    return {grade::warn, "ssh", "there is no ~/.ssh/id_ed25519.pub",
            "make a key with  ssh-keygen -t ed25519 , or name one with --ssh-key; else sshpass types the password"};
  return {grade::ok, "ssh", "client and key are there", {}};
}

finding check_space(const std::string& folder) {
  struct statvfs info {};
  // Before the first start there is only what it will be made in.
  std::filesystem::path path{folder};
  while (::statvfs(path.c_str(), &info) != 0) {
    if (errno != ENOENT || !path.has_parent_path() || path == path.parent_path())
      return {grade::warn, "store", folder + ": " + std::strerror(errno), {}};
    path = path.parent_path();
  }
  const auto free_gib = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize) / (1 << 30);
  const auto found = fmt::format("{:.1f} GiB free for {}", free_gib, folder);
  if (free_gib < 0.5) return {grade::fail, "store", found, "make room: loded stops when it cannot write"};
  return {free_gib < 5 ? grade::warn : grade::ok, "store", found, free_gib < 5 ? "make room soon" : ""};
}

void check_engines(const std::string& socket, std::vector<finding>& out) {
  if (!socket.empty()) return out.push_back(check_engine(socket));
  constexpr std::array<const char*, 3> usual{"/run/podman/podman.sock", "/run/docker.sock", "/var/run/docker.sock"};
  for (const auto* path : usual) {
    if (!file_exists(path)) continue;
    out.push_back(check_engine(path));
    return;
  }
  out.push_back({grade::ok, "container engine", "none in the usual places: needed where a lode-miner runs only", {}});
}

void check_ports(const host_settings& host, std::vector<finding>& out) {
  for (const auto& [what, listen] :
       {std::pair{"loded's port", host.loded_listen}, std::pair{"axon's port", host.axon_listen}}) {
    const auto [address, port] = parts_of(listen);
    if (port == 0) continue;
    const bool taken = is_taken(address, port);
    out.push_back({taken ? grade::ok : grade::warn, what,
                   fmt::format("{} is {}", listen, taken ? "listened on" : "free"),
                   taken ? "" : "the program does not run"});
  }
  if (host.ssh_port_from == 0) return;
  int taken = 0;
  for (int port = host.ssh_port_from; port <= host.ssh_port_to; ++port)
    taken += is_taken(host.ssh_bind_ip, port) ? 1 : 0;
  const int all = host.ssh_port_to - host.ssh_port_from + 1;
  out.push_back({taken == all ? grade::fail : grade::ok, "SSH ports",
                 fmt::format("{}-{}: {} of {} taken", host.ssh_port_from, host.ssh_port_to, taken, all),
                 taken == all ? "choose another range (container.ssh-port-from, -to)" : ""});
}

void read_settings_files(const std::string& loded, const std::string& miner, host_settings& host,
                         std::vector<finding>& out) {
  const std::array<const char*, 1> nothing{nullptr};
  if (!loded.empty()) {
    const std::array<const char*, 3> words{"loded", "--config", loded.c_str()};
    const auto parsed = config::parse_daemon(3, words.data(), nothing.data());
    if (const auto* s = settings_of(parsed, "loded's settings", loded, out)) {
      if (host.wallet.empty()) host.wallet = s->wallet.hotkey_file;
      if (host.store.empty()) host.store = s->storage.path;
      host.loded_listen = s->http.listen;
      for (const auto& [what, file] :
           {std::pair{"tls.cert-file", s->tls.cert_file}, std::pair{"tls.client-ca-file", s->tls.client_ca_file},
            std::pair{"notify.ca-file", s->notify.ca_file},
            std::pair{"notify.client-cert-file", s->notify.client_cert_file}})
        if (!file.empty()) out.push_back(check_certificate(what, file));
      for (const auto& [what, file] :
           {std::pair{"tls.key-file", s->tls.key_file}, std::pair{"notify.client-key-file", s->notify.client_key_file}})
        if (!file.empty()) out.push_back(check_key_file(what, file));
    }
  }
  if (!miner.empty()) {
    const std::array<const char*, 3> words{"lode-miner", "--config", miner.c_str()};
    const auto parsed = config::parse_agent(3, words.data(), nothing.data());
    if (const auto* s = settings_of(parsed, "lode-miner's settings", miner, out)) {
      if (host.wallet.empty()) host.wallet = s->wallet.hotkey_file;
      if (host.engine.empty()) host.engine = s->engine.socket;
      host.axon_listen = s->axon.listen;
      host.ssh_bind_ip = s->container.ssh_bind_ip;
      host.ssh_port_from = static_cast<int>(s->container.ssh_port_from);
      host.ssh_port_to = static_cast<int>(s->container.ssh_port_to);
    }
  }
}

}  // namespace lode::cli
