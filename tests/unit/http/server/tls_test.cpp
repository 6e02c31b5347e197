// TLS of the server against OpenSSL itself as the client; the certificates are of scripts/make-certs.

#include "http/server/tls.hpp"

#include "loopback.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lode::http::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// A folder of certificates.
class certs {
 public:
  certs() {
    std::string form = (fs::temp_directory_path() / "lode-tls-XXXXXX").string();
    dir_ = ::mkdtemp(form.data());
    make("");
  }
  ~certs() { fs::remove_all(dir_); }
  certs(const certs&) = delete;
  certs& operator=(const certs&) = delete;

  void make(const std::string& more) const {
    const std::string command =
        std::string{LODE_SOURCE_DIR} + "/scripts/make-certs " + dir_ + " " + more + " >/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error{command};  // NOLINT(cert-env33-c): our own script
  }
  [[nodiscard]] std::string file(const std::string& name) const { return dir_ + "/" + name; }
  [[nodiscard]] tls_settings settings(client_certificates clients = client_certificates::off) const {
    return {file("server.crt"), file("server.key"),
            clients == client_certificates::off ? std::string{} : file("ca.crt"), clients};
  }
  void write(const std::string& name, const std::string& text, unsigned mode = 0600) const {
    std::ofstream{file(name)} << text;
    ::chmod(file(name).c_str(), mode);
  }

 private:
  std::string dir_;
};

struct tls_test : ::testing::Test {
  static void SetUpTestSuite() { ours = std::make_unique<certs>(); }
  static void TearDownTestSuite() { ours.reset(); }
  static std::unique_ptr<certs> ours;
};
std::unique_ptr<certs> tls_test::ours;

struct client_options {
  std::string cert;  ///< NAME of NAME.crt and NAME.key
  int max_version = 0;
  std::string alpn;  ///< in wire form
};

/// A blocking TLS client.
class tls_client {
 public:
  tls_client(std::uint16_t port, const certs& from, const client_options& options = {})
      : ctx_(SSL_CTX_new(TLS_client_method())), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return;
    SSL_CTX_load_verify_file(ctx_, from.file("ca.crt").c_str());
    SSL_CTX_set_verify(ctx_, SSL_VERIFY_PEER, nullptr);
    if (options.max_version != 0) {
      SSL_CTX_set_security_level(ctx_, 0);
      SSL_CTX_set_max_proto_version(ctx_, options.max_version);
    }
    if (!options.cert.empty()) {
      SSL_CTX_use_certificate_chain_file(ctx_, from.file(options.cert + ".crt").c_str());
      SSL_CTX_use_PrivateKey_file(ctx_, from.file(options.cert + ".key").c_str(), SSL_FILETYPE_PEM);
    }
    if (!options.alpn.empty())
      SSL_CTX_set_alpn_protos(ctx_, reinterpret_cast<const unsigned char*>(options.alpn.data()),
                              static_cast<unsigned>(options.alpn.size()));
    ssl_ = SSL_new(ctx_);
    SSL_set_fd(ssl_, fd_);
    SSL_set1_host(ssl_, "localhost");
    connected_ = SSL_connect(ssl_) == 1;
  }
  ~tls_client() {
    SSL_free(ssl_);
    SSL_CTX_free(ctx_);
    ::close(fd_);
  }
  tls_client(const tls_client&) = delete;
  tls_client& operator=(const tls_client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  bool send(const std::string& bytes) { return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0; }
  /// Everything until `until` is there, the end, or 10 seconds.
  std::string receive(const std::string& until) {
    char piece[16384];
    while (in_.find(until) == std::string::npos) {
      const int n = SSL_read(ssl_, piece, sizeof piece);
      if (n <= 0) {
        ended_ = SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN;
        break;
      }
      in_.append(piece, static_cast<std::size_t>(n));
    }
    return std::exchange(in_, {});
  }
  /// The body of the answer to a GET.
  std::string get(const std::string& path) {
    if (!send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")) return {};
    const std::string all = receive("\n#");
    const auto end = all.find("\r\n\r\n");
    return end == std::string::npos ? std::string{} : all.substr(end + 4);
  }
  /// The server said properly that no more comes.
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::string protocol() const { return SSL_get_version(ssl_); }
  [[nodiscard]] std::string alpn() const {
    const unsigned char* text = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl_, &text, &length);
    return {reinterpret_cast<const char*>(text), length};
  }
  [[nodiscard]] std::string serial() const {
    X509* cert = SSL_get1_peer_certificate(ssl_);
    BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), nullptr);
    char* text = BN_bn2hex(number);
    std::string out{text};
    OPENSSL_free(text);
    BN_free(number);
    X509_free(cert);
    return out;
  }

 private:
  SSL_CTX* ctx_;
  SSL* ssl_ = nullptr;
  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string in_;
};

response show(request& r) { return response{200, r.path + " by " + r.client_certificate + "\n#"}; }

/// How many failed, once it is as many as expected or 10 seconds have passed: a client hears of it before it is
/// counted.
std::uint64_t failed_handshakes(running_server& s, std::uint64_t expected) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (s.srv->stats().failed_handshakes < expected && std::chrono::steady_clock::now() < deadline) s.on_io([] {});
  return s.srv->stats().failed_handshakes;
}

std::shared_ptr<tls_context> loaded(const tls_settings& s) {
  auto tls = load_tls(s);
  if (!tls) throw std::runtime_error{tls.error().to_string()};
  return *tls;
}

TEST_F(tls_test, speaks_1_2_and_1_3_keeps_connections_and_ends_them_properly) {
  running_server s{answering(show), {}, loaded(ours->settings())};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_client c{s.srv->port(), *ours, {"", version, std::string{"\x02h2\x08http/1.1", 12}}};
    ASSERT_TRUE(c.connected());
    EXPECT_EQ(c.protocol(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_EQ(c.alpn(), "http/1.1");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(c.get("/" + std::to_string(i)), "/" + std::to_string(i) + " by \n#");
    ASSERT_TRUE(c.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT_THAT(c.receive("never"), HasSubstr("connection: close"));
    EXPECT_TRUE(c.ended());
  }
  EXPECT_EQ(s.srv->stats().accepted, 2U);
  EXPECT_EQ(s.srv->stats().handshakes, 2U);
  EXPECT_FALSE(tls_client(s.srv->port(), *ours, {"", TLS1_1_VERSION, ""}).connected());
  EXPECT_FALSE(tls_client(s.srv->port(), *ours, {"", 0, std::string{"\x02h2", 3}}).connected());
  EXPECT_EQ(failed_handshakes(s, 2), 2U);
}

TEST_F(tls_test, megabytes_go_both_ways) {
  server_limits limits;
  limits.body_bytes = 8 << 20U;
  running_server s{answering([](request& r) {
                     return response{200, r.body + "\n#"};
                   }),
                   limits, loaded(ours->settings())};
  tls_client c{s.srv->port(), *ours};
  ASSERT_TRUE(c.connected());
  std::string body;
  for (int i = 0; body.size() < 3'000'000; ++i) body += std::to_string(i);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(
        c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
    const std::string all = c.receive("\n#");
    ASSERT_EQ(all.substr(all.find("\r\n\r\n") + 4), body + "\n#");
  }
}

TEST_F(tls_test, a_verified_client_certificate_names_the_client) {
  ours->make("--client alice");
  running_server s{answering(show), {}, loaded(ours->settings(client_certificates::optional))};
  tls_client alice{s.srv->port(), *ours, {"alice", 0, ""}};
  EXPECT_EQ(alice.get("/a"), "/a by CN=alice\n#");
  EXPECT_EQ(alice.get("/b"), "/b by CN=alice\n#");
  tls_client nobody{s.srv->port(), *ours};
  EXPECT_EQ(nobody.get("/"), "/ by \n#");
}

TEST_F(tls_test, required_client_certificates_are_required_and_of_the_right_authority) {
  const certs strangers;
  auto settings = ours->settings(client_certificates::required);
  running_server s{answering(show), {}, loaded(settings)};
  EXPECT_EQ(tls_client(s.srv->port(), *ours, {"client", 0, ""}).get("/"), "/ by CN=client\n#");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(tls_client(s.srv->port(), *ours, {"", version, ""}).get("/"), "");
    // Its own authority does not know the server, so trust ours and show theirs.
    ours->write("stranger.crt", [&] {
      std::ifstream in{strangers.file("client.crt")};
      return std::string{std::istreambuf_iterator<char>{in}, {}};
    }());
    ours->write("stranger.key", [&] {
      std::ifstream in{strangers.file("client.key")};
      return std::string{std::istreambuf_iterator<char>{in}, {}};
    }());
    EXPECT_EQ(tls_client(s.srv->port(), *ours, {"stranger", version, ""}).get("/"), "");
  }
  EXPECT_EQ(s.srv->stats().requests, 1U);
  EXPECT_EQ(failed_handshakes(s, 4), 4U);
}

TEST_F(tls_test, new_certificates_are_for_new_connections_and_broken_ones_for_none) {
  const certs mine;
  running_server s{answering(show), {}, loaded(mine.settings())};
  tls_client before{s.srv->port(), mine};
  const auto old_serial = before.serial();
  fs::remove(mine.file("server.crt"));
  mine.make("--host renewed.example");
  EXPECT_EQ(tls_client(s.srv->port(), mine).serial(), old_serial);  // nobody has said so yet
  ASSERT_TRUE(s.srv->reload_tls(mine.settings()));
  s.on_io([] {});
  tls_client after{s.srv->port(), mine};
  ASSERT_TRUE(after.connected());
  const auto new_serial = after.serial();
  EXPECT_NE(new_serial, old_serial);
  EXPECT_EQ(before.get("/still"), "/still by \n#");
  mine.write("server.crt", "broken");
  const auto refused = s.srv->reload_tls(mine.settings());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), errc::config_invalid);
  EXPECT_THAT(refused.error().detail, HasSubstr("tls.cert-file"));
  s.on_io([] {});
  EXPECT_EQ(tls_client(s.srv->port(), mine).serial(), new_serial);
  EXPECT_EQ(s.srv->reload_tls({}).error(), errc::bad_request);
}

TEST_F(tls_test, a_plain_server_cannot_be_given_certificates) {
  running_server s{answering(show)};
  EXPECT_TRUE(s.srv->reload_tls({}));
  EXPECT_EQ(s.srv->reload_tls(ours->settings()).error(), errc::bad_request);
}

TEST_F(tls_test, a_handshake_that_takes_too_long_is_ended_and_the_others_are_served) {
  server_limits limits;
  limits.handshake_timeout = milliseconds{300};
  running_server s{answering(show), limits, loaded(ours->settings())};
  client silent{s.srv->port()};
  client slow{s.srv->port()};
  ASSERT_TRUE(slow.send(std::string{"\x16\x03\x01\x02\x00\x01", 6}));
  client plain{s.srv->port()};
  ASSERT_TRUE(plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(tls_client(s.srv->port(), *ours).get("/"), "/ by \n#");
  EXPECT_EQ(plain.receive().status, 0U);
  EXPECT_TRUE(silent.at_end());
  EXPECT_TRUE(slow.at_end());
  EXPECT_EQ(failed_handshakes(s, 3), 3U);
  EXPECT_EQ(s.srv->stats().requests, 1U);
}

TEST_F(tls_test, a_stop_ends_idle_connections_and_handshakes) {
  running_server s{answering(show), {}, loaded(ours->settings())};
  tls_client idle{s.srv->port(), *ours};
  EXPECT_EQ(idle.get("/"), "/ by \n#");
  client silent{s.srv->port()};
  while (s.srv->stats().open_connections < 2) s.on_io([] {});
  const auto stopped = s.stop(std::chrono::seconds{30});
  EXPECT_EQ(idle.receive("never"), "");
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(stopped.wait_for(std::chrono::seconds{10}), std::future_status::ready);
}

TEST_F(tls_test, what_is_wrong_with_a_file_is_said_with_its_setting) {
  const auto said = [](const tls_settings& s) {
    const auto tls = load_tls(s);
    return tls ? std::string{"nothing"} : tls.error().detail;
  };
  ours->write("none.pem", "nothing");
  ours->write(
      "open.key",
      [&] {
        std::ifstream in{ours->file("server.key")};
        return std::string{std::istreambuf_iterator<char>{in}, {}};
      }(),
      0644);
  const auto good = ours->settings(client_certificates::required);
  EXPECT_EQ(said(good), "nothing");
  auto s = good;
  s.cert_file = ours->file("absent");
  EXPECT_THAT(said(s), HasSubstr("tls.cert-file: cannot read"));
  s.cert_file = ours->file("none.pem");
  EXPECT_THAT(said(s), HasSubstr("tls.cert-file: "));
  s = good;
  s.key_file = ours->file("none.pem");
  EXPECT_THAT(said(s), HasSubstr("holds no private key"));
  s.key_file = ours->file("open.key");
  EXPECT_THAT(said(s), HasSubstr("is open to others (mode 0644): chmod 600 it"));
  s.key_file = ours->file("client.key");
  EXPECT_THAT(said(s), HasSubstr("is not the key of the certificate"));
  s = good;
  s.client_ca_file = ours->file("none.pem");
  EXPECT_THAT(said(s), HasSubstr("tls.client-ca-file: "));
  s.client_ca_file = fs::temp_directory_path();
  EXPECT_THAT(said(s), HasSubstr("is not a file"));
}

}  // namespace
}  // namespace lode::http::test
