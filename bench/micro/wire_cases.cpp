// The Allocate synapse: what the daemon sends and reads, and what lode-miner makes of it.

#include "bench/micro/micro.hpp"
#include "bench/micro/samples.hpp"
#include "links/synapse.hpp"
#include "miner/synapse.hpp"

#include <boost/algorithm/string/case_conv.hpp>

#include <memory>

namespace lode::micro {
namespace {

miner_call a_register() {
  const auto record = sample_record();
  miner_call c;
  c.action = miner_action::reg;
  c.to = {sample_hotkey(2).address, record.ssh_ip, 8091, false};
  c.public_key = record.public_key;
  c.timeline_days = 90;
  c.device = record.device;
  c.docker = record.docker;
  return c;
}

loop encode_call() {
  auto encoder = std::make_shared<links::synapse_encoder>(sample_hotkey(1), "203.0.113.1");
  return [encoder, call = a_register()](std::size_t n) {
    for (; n > 0; --n) keep(encoder->encode(call));
  };
}

loop decode_reply() {
  const auto body = R"({"name":"Allocate","timeline":90,"checking":false,"public_key":"",)"
                    R"("output":{"status":true,"info":")" +
                    std::string(200, 'i') + R"(","port":4444,"key_types":["rsa2048","x25519"]}})";
  return [body](std::size_t n) {
    for (; n > 0; --n) must(links::decode_answer(miner_action::reg, 200, body).ok(), "reading a miner's answer");
  };
}

// As axon::admit() and allocate() do, less the nonce table.
loop admit_call() {
  links::synapse_encoder encoder{sample_hotkey(1), "203.0.113.1"};
  const auto call = a_register();
  const auto sent = encoder.encode(call);
  http::request req;
  for (const auto& [name, value] : sent.headers) req.headers.emplace_back(boost::algorithm::to_lower_copy(name), value);
  req.body = sent.body;
  return [req, own = call.to.hotkey](std::size_t n) {
    for (; n > 0; --n) {
      const auto headers = miner::parse_headers(req);
      must(headers && miner::verify_signature(*headers, own), "verifying a call");
      miner::body_errors errors;
      const auto body = miner::parse_allocate(req.body, errors);
      must(body && miner::rental_request_of(*body), "reading a call");
    }
  };
}

}  // namespace

std::vector<micro_case> wire_cases() {
  return {
      {"synapse.encode", "a register encoded and signed", 20, encode_call},
      {"synapse.decode", "a miner's answer to it", 200, decode_reply},
      {"axon.admit", "a register verified and read by lode-miner", 20, admit_call},
  };
}

}  // namespace lode::micro
