// The axon over real HTTP with real signatures, on a slot with a fake engine.

#include "miner/axon.hpp"

#include "caller.hpp"
#include "crypto/crypto.hpp"
#include "http/server/server.hpp"
#include "rig.hpp"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>

#include <thread>

namespace {

using namespace lode;
using namespace lode::miner;
using namespace lode::miner::testing;
namespace json = boost::json;

class axon_test : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto::init());
    own_hotkey = crypto::ss58_encode(crypto::sr25519_key::generate().pub());
    validator.emplace(crypto::sr25519_key::generate(), own_hotkey);
    stranger.emplace(crypto::sr25519_key::generate(), own_hotkey);
    r.emplace(w, d);
    ASSERT_TRUE(r->run(r->the_slot.reconcile())->has_value());
    axon_options options;
    options.hotkey = own_hotkey;
    options.validators = {validator->address};
    options.ssh_port = 42000;
    const auto specs = []() -> task<result<std::string>> { co_return std::string{R"({"cpu":{"count":2}})"}; };
    edge.emplace(options, r->the_slot, specs, wall_ns);
    auto started = http::start_server(
        r->io, "127.0.0.1:0", [this](http::request& q) { return edge->handle(q); },
        [](unsigned status, std::string_view words) { return axon::refusal(status, words); });
    ASSERT_TRUE(started);
    server = std::move(*started);
    port = server->port();
    r->io.restart();
    thread = std::jthread([this] { r->io.run(); });
  }
  void TearDown() override {
    server->stop(std::chrono::seconds{2}, [] {});
    thread.join();
  }

  world w;
  disk d;
  std::string own_hotkey;
  std::optional<caller> validator, stranger;
  std::optional<rig> r;
  std::optional<axon> edge;
  std::unique_ptr<http::server> server;
  std::uint16_t port = 0;
  std::jthread thread;
};

TEST_F(axon_test, a_whole_rental_on_the_wire) {
  auto reply = validator->post(port, validator->check());
  ASSERT_TRUE(reply.yes()) << reply.body;
  EXPECT_EQ(reply.output().at("port").as_int64(), 42000);
  EXPECT_EQ(reply.output().at("key_types"), (json::array{"rsa2048", "x25519"}));
  EXPECT_EQ(reply.headers.at("bt_header_axon_status_code"), "200");
  EXPECT_EQ(reply.headers.at("bt_header_axon_hotkey"), own_hotkey);
  EXPECT_EQ(reply.headers.at("bt_header_dendrite_hotkey"), validator->address);

  reply = validator->post(port, validator->reg(key(2).public_pem));
  ASSERT_TRUE(reply.yes()) << reply.body;
  const auto info =
      json::parse(crypto::decrypt_with(key(2).private_pem, std::string{reply.output().at("info").as_string()}).value());
  EXPECT_EQ(info.at("port"), reply.output().at("port"));
  EXPECT_EQ(info.at("version").as_int64(), 183);
  EXPECT_EQ(reply.json().at("timeline").as_int64(), 30) << "the whole synapse comes back";
  EXPECT_TRUE(validator->post(port, validator->holds(key(2).public_pem)).yes());
  EXPECT_FALSE(validator->post(port, validator->check()).yes());

  reply = validator->post(port, validator->reg(key(0).public_pem));
  EXPECT_EQ(reply.status, 200U);
  EXPECT_FALSE(reply.yes());
  EXPECT_EQ(reply.output().at("reason").as_string(), "occupied");

  EXPECT_TRUE(validator->post(port, validator->action("pause")).yes());
  EXPECT_TRUE(validator->post(port, validator->action("resume")).yes());
  EXPECT_TRUE(validator->post(port, validator->action("restart")).yes());
  reply = validator->post(port, validator->action("dance"));
  EXPECT_EQ(reply.status, 200U);
  EXPECT_FALSE(reply.output().contains("status"));
  EXPECT_TRUE(validator->post(port, validator->deregister(key(2).public_pem)).yes());
  EXPECT_TRUE(validator->post(port, validator->check()).yes());
}

TEST_F(axon_test, senseless_registers_are_refused_with_the_reason) {
  for (const auto* field : {"cpu", "ram", "hard_disk", "gpu"}) {
    auto body = validator->reg(key(0).public_pem);
    body["device_requirement"].as_object().erase(field);
    const auto reply = validator->post(port, body);
    EXPECT_FALSE(reply.yes());
    EXPECT_THAT(reply.body, ::testing::HasSubstr(std::string{"no sensible "} + field));
  }
  auto body = validator->reg("not a key");
  EXPECT_FALSE(validator->post(port, body).yes());
  EXPECT_TRUE(validator->post(port, validator->check()).yes());
}

TEST_F(axon_test, answers_errors_as_existing_axons_do) {
  const auto body = json::serialize(validator->check());
  const auto with = [&](caller& who, auto change, const std::string& text) {
    auto h = who.headers();
    change(h);
    return caller::send(port, h, text);
  };
  auto reply = with(
      *stranger, [](auto&) {}, body);
  EXPECT_EQ(reply.status, 403U);
  EXPECT_EQ(reply.body, R"({"message":"Forbidden. Key is blacklisted: Unrecognized hotkey."})");

  reply = with(
      *validator, [](auto& h) { h.erase("bt_header_dendrite_nonce"); }, body);
  EXPECT_EQ(reply.status, 401U);
  EXPECT_THAT(reply.body, ::testing::HasSubstr("Not Verified with error: Missing Nonce"));
  reply = with(
      *validator, [](auto& h) { h["bt_header_dendrite_signature"] = "0x00"; }, body);
  EXPECT_EQ(reply.status, 401U);
  EXPECT_THAT(reply.body, ::testing::HasSubstr("Signature mismatch with"));
  reply = with(
      *validator, [](auto& h) { h["bt_header_dendrite_nonce"] = "1700000000000000000"; }, body);
  EXPECT_THAT(reply.body, ::testing::HasSubstr("Nonce is too old: acceptable delta is"));
  reply = with(
      *validator, [](auto& h) { h["bt_header_dendrite_nonce"] = "soon"; }, body);
  EXPECT_EQ(reply.status, 500U);
  EXPECT_THAT(reply.body, ::testing::HasSubstr("Internal Server Error #"));
  reply = with(
      *validator, [](auto& h) { h["computed_body_hash"] = "00"; }, body);
  EXPECT_EQ(reply.status, 401U) << "the hash is part of what is signed";

  caller for_another{crypto::sr25519_key::generate(), stranger->address};
  reply = with(
      for_another, [&](auto& h) { h["bt_header_dendrite_hotkey"] = validator->address; }, body);
  EXPECT_EQ(reply.status, 401U);

  EXPECT_EQ(with(
                *validator, [](auto&) {}, "{")
                .status,
            422U);
  reply = with(
      *validator, [](auto&) {}, R"({"timeline":"soon","output":[],"public_key":7})");
  EXPECT_EQ(reply.status, 422U);
  EXPECT_EQ(reply.json().at("detail").as_array().size(), 3U);
  EXPECT_EQ(reply.json().at("detail").at(0).at("loc"), (json::array{"body", "timeline"}));

  reply = caller::send(port, validator->headers(), body, "/Nonsense");
  EXPECT_EQ(reply.status, 404U);
  EXPECT_THAT(reply.body, ::testing::HasSubstr("Synapse name 'Nonsense' not found. Available synapses ["));
  EXPECT_EQ(caller::send(port, validator->headers(), body, "/Allocate", "PUT").status, 405U);
}

TEST_F(axon_test, a_call_is_accepted_once) {
  const auto headers = validator->headers();
  const auto body = json::serialize(validator->check());
  EXPECT_EQ(caller::send(port, headers, body).status, 200U);
  const auto replay = caller::send(port, headers, body);
  EXPECT_EQ(replay.status, 401U);
  EXPECT_THAT(replay.body, ::testing::HasSubstr("Nonce is too old, a newer one was last processed"));
  auto wide = headers;
  wide["timeout"] = "1e300";
  wide["bt_header_dendrite_version"] = "693";
  EXPECT_EQ(caller::send(port, wide, body).status, 401U);
}

TEST_F(axon_test, specs_on_a_signed_call_only) {
  auto reply = validator->post(port, "{}", "/Specs");
  ASSERT_EQ(reply.status, 200U);
  EXPECT_EQ(reply.output().at("cpu").at("count").as_int64(), 2);
  EXPECT_EQ(reply.output().at("key_types"), (json::array{"rsa2048", "x25519"}));
  EXPECT_EQ(stranger->post(port, "{}", "/Specs").status, 403U);
}

TEST_F(axon_test, a_caller_that_hangs_up_does_not_stop_the_register) {
  // Half of a call: sent whole, but the answer is never read.
  namespace net = boost::asio;
  const auto fields = validator->headers();
  const auto text = json::serialize(validator->reg(key(0).public_pem));
  net::io_context io;
  net::ip::tcp::socket s{io};
  s.connect({net::ip::make_address("127.0.0.1"), port});
  std::string raw = "POST /Allocate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  for (const auto& [name, value] : fields) raw += name + ": " + value + "\r\n";
  raw += "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
  net::write(s, net::buffer(raw));
  s.close();
  // A register of the same key joins the one under way, or finds it done; either way there is one container.
  EXPECT_TRUE(validator->post(port, validator->reg(key(0).public_pem)).yes());
  EXPECT_EQ(w.rentals(), 1);
}

}  // namespace
