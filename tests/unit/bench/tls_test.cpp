// TLS of the load generator: whom it trusts, what it shows, how it says that something is wrong.

#include "bench/load/target.hpp"
#include "fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace lode::bench {
namespace {

namespace fs = std::filesystem;
namespace ssl = boost::asio::ssl;
using testing::HasSubstr;

/// A folder of certificates, by scripts/make-certs.
class certs {
 public:
  certs() {
    std::string form = (fs::temp_directory_path() / "lode-bench-tls-XXXXXX").string();
    dir_ = ::mkdtemp(form.data());
    const std::string command = std::string{LODE_SOURCE_DIR} + "/scripts/make-certs " + dir_ + " >/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error{command};  // NOLINT(cert-env33-c): our own script
  }
  ~certs() { fs::remove_all(dir_); }
  certs(const certs&) = delete;
  certs& operator=(const certs&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return dir_ + "/" + name; }

 private:
  std::string dir_;
};

class tls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ours = std::make_unique<certs>();
    strangers = std::make_unique<certs>();
  }
  static void TearDownTestSuite() {
    ours.reset();
    strangers.reset();
  }

  static ssl::context context_of(bool wants_clients) {
    ssl::context c{ssl::context::tls_server};
    c.use_certificate_chain_file(ours->file("server.crt"));
    c.use_private_key_file(ours->file("server.key"), ssl::context::pem);
    if (wants_clients) {
      c.load_verify_file(ours->file("ca.crt"));
      c.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    }
    return c;
  }

  target_options to(const scripted_server& s) const {
    target_options o;
    o.url = s.url();
    o.ca = ours->file("ca.crt");
    return o;
  }

  static std::unique_ptr<certs> ours, strangers;
};
std::unique_ptr<certs> tls::ours, tls::strangers;

figures pairs_at(const target& where) {
  const auto s = closed_loop(4, 600);
  load l{s, where, counting(50)};
  return l.run({});
}

TEST_F(tls, a_load_runs_over_it) {
  auto context = context_of(false);
  right_daemon daemon{4};
  scripted_server server{std::ref(daemon), &context};
  const auto where = reach(to(server));
  ASSERT_TRUE(where) << where.error().detail;
  const auto f = pairs_at(*where);
  EXPECT_GE(f.done, 50U);
  EXPECT_EQ(joined(f.violations) + f.failure, "");
  EXPECT_EQ(outcomes_of(f, "allocate", "connection lost"), 0U);
}

TEST_F(tls, a_server_that_nobody_we_trust_vouches_for_is_refused) {
  auto context = context_of(false);
  right_daemon daemon{1};
  scripted_server server{std::ref(daemon), &context};
  auto o = to(server);
  o.ca = strangers->file("ca.crt");
  const auto refused = reach(o);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("certificate"));
  EXPECT_EQ(refused.error(), errc::not_ready);
  o.ca.clear();
  EXPECT_FALSE(reach(o)) << "the system does not know our authority either";
  o.insecure = true;
  EXPECT_TRUE(reach(o));
}

TEST_F(tls, a_certificate_of_another_name_is_refused) {
  auto context = context_of(false);
  right_daemon daemon{1};
  scripted_server server{std::ref(daemon), &context};
  auto where = reach(to(server));
  ASSERT_TRUE(where) << where.error().detail;
  where->peer->name = "elsewhere.example";
  boost::asio::io_context io{1};
  connection c{io.get_executor(), *where->peer};
  bool opened = true;
  boost::asio::co_spawn(io.get_executor(), c.open(clock::now() + std::chrono::seconds{10}),
                        [&](const std::exception_ptr&, bool made) { opened = made; });
  io.run();
  EXPECT_FALSE(opened);
  EXPECT_THAT(c.problem(), HasSubstr("TLS: certificate verify failed"));
}

TEST_F(tls, a_client_certificate_is_shown_where_there_is_one) {
  auto context = context_of(true);
  right_daemon daemon{4};
  scripted_server server{std::ref(daemon), &context};
  const auto without = reach(to(server));
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().detail, HasSubstr("--cert"));
  auto o = to(server);
  o.cert = ours->file("client.crt");
  o.key = ours->file("client.key");
  const auto where = reach(o);
  ASSERT_TRUE(where) << where.error().detail;
  EXPECT_GE(pairs_at(*where).done, 50U);
}

TEST_F(tls, files_that_do_not_fit_are_named) {
  auto context = context_of(false);
  right_daemon daemon{1};
  scripted_server server{std::ref(daemon), &context};
  const auto wrong = [&](const std::function<void(target_options&)>& change) {
    auto o = to(server);
    change(o);
    const auto reached = reach(o);
    return reached ? std::string{"accepted"} : reached.error().detail;
  };
  EXPECT_THAT(wrong([](auto& o) { o.ca = "/nowhere"; }), HasSubstr("--ca /nowhere"));
  EXPECT_THAT(wrong([&](auto& o) { o.cert = ours->file("client.crt"); }), HasSubstr("go together"));
  EXPECT_THAT(wrong([&](auto& o) {
                o.cert = ours->file("client.crt");
                o.key = ours->file("server.key");
              }),
              HasSubstr("--key "));
  EXPECT_THAT(wrong([](auto& o) { o.url = "http" + o.url.substr(5); }), HasSubstr("for https:// URLs"));
  EXPECT_THAT(wrong([](auto& o) { o.api_key = "two words"; }), HasSubstr("one word"));
}

TEST_F(tls, an_api_key_goes_with_every_request_and_over_plain_http_to_this_machine_only) {
  right_daemon daemon{4};
  std::size_t without = 0;
  scripted_server server{[&](const scripted_request& r) {
    if (r.head.find("\r\nauthorization: Bearer secret-key\r\n") == std::string::npos) ++without;
    return daemon(r);
  }};
  target_options o;
  o.url = server.url();
  o.api_key = "secret-key";
  const auto where = reach(o);
  ASSERT_TRUE(where);
  EXPECT_GE(pairs_at(*where).done, 50U);
  EXPECT_EQ(without, 0U);
  o.url = "http://203.0.113.1:1";
  EXPECT_THAT(reach(o).error().detail, HasSubstr("over plain HTTP"));
}

}  // namespace
}  // namespace lode::bench
