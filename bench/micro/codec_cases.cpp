// JSON of the contract, records and events as they are stored.

#include "bench/micro/micro.hpp"
#include "bench/micro/samples.hpp"
#include "http/arguments.hpp"
#include "http/replies.hpp"
#include "messages/event_codec.hpp"
#include "messages/json.hpp"
#include "messages/record_codec.hpp"

namespace lode::micro {
namespace {

loop read_allocate_spec() {
  http::request req;
  req.method = http::verb::post;
  req.path = "/service/allocate_spec";
  req.headers.emplace_back("content-type", "application/json");
  req.body = sample_allocate_body();
  return [req](std::size_t n) {
    for (; n > 0; --n) {
      http::arguments args{req};
      auto body = args.body<allocate_spec_body>();
      args.check_ssh_key("ssh_key", body.docker.ssh_key);
      must(args.ok() && body.requirements.gpu_size == 20, "reading a request to allocate");
      keep(body);
    }
  };
}

loop refuse_allocate_spec() {
  http::request req;
  req.method = http::verb::post;
  req.path = "/service/allocate_spec";
  req.body = R"({"requirements":{"cpu_count":"four","gpu_size":-1,"ram":1.5},"docker_requirement":{"ssh_key":7}})";
  return [req](std::size_t n) {
    for (; n > 0; --n) {
      http::arguments args{req};
      keep(args.body<allocate_spec_body>());
      must(args.failures() == 4, "finding what is wrong with a request");
      keep(args.refusal());
    }
  };
}

loop write_allocation() {
  return [record = sample_record()](std::size_t n) {
    for (; n > 0; --n) {
      std::string data;
      write_json(data, view_of(record));
      keep(http::succeeded("Resource was successfully allocated", data));
    }
  };
}

// Sealing is a case of its own.
std::string unsealed(std::string_view text) { return std::string{text}; }
result<std::string> unopened(std::string_view text) { return std::string{text}; }

loop encode_record() {
  return [record = sample_record()](std::size_t n) {
    for (; n > 0; --n) keep(encode(record, unsealed));
  };
}

loop decode_record() {
  return [text = encode(sample_record(), unsealed)](std::size_t n) {
    for (; n > 0; --n) {
      const auto record = decode_allocation(text, unopened);
      must(static_cast<bool>(record), "decoding a record");
      keep(*record);
    }
  };
}

loop encode_events() {
  return [record = sample_record()](std::size_t n) {
    for (; n > 0; --n) {
      keep(allocation_event(record, "allocated", record.created_at, "allocate_spec"));
      keep(encode_event("miner", R"({"hotkey":"5F","mark":"cordon","reason":"maintenance","by":"ops"})", 1));
    }
  };
}

loop read_events() {
  const auto record = sample_record();
  std::vector<std::string> stored{allocation_event(record, "allocated", record.created_at, ""),
                                  encode_event("miner", R"({"hotkey":"5F","mark":"cordon"})", record.created_at)};
  return [stored, cutoff = rfc3339(record.created_at + 1000)](std::size_t n) {
    for (; n > 0; --n)
      for (const auto& text : stored) {
        keep(split_event(text));
        must(happened_before(text, cutoff), "reading the time of an event");
      }
  };
}

}  // namespace

std::vector<micro_case> codec_cases() {
  return {
      {"json.read.allocate_spec", "body of POST /service/allocate_spec parsed and validated, SSH key included", 200,
       read_allocate_spec},
      {"json.refuse.allocate_spec", "such a body with four wrong fields: the 422 that names them", 200,
       refuse_allocate_spec},
      {"json.write.allocation", "reply to an allocation: the view of its record in its envelope", 400,
       write_allocation},
      {"record.encode", "allocation record to its stored form, without sealing", 400, encode_record},
      {"record.decode", "the same back", 200, decode_record},
      {"event.encode", "an allocation's event and a miner's, as stored", 400, encode_events},
      {"event.read", "both taken apart, and their age", 1000, read_events},
  };
}

}  // namespace lode::micro
