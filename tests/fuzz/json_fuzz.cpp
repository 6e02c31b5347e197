// libFuzzer: any bytes as a request's body, a miners file, a record of the store. Beside the sanitizers: a refusal
// always says why, what is accepted is within its bounds, and what is written reads back as the same value.
#include "messages/json.hpp"
#include "messages/record_codec.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using lode::field_error;

void must(bool holds) {
  if (!holds) std::abort();
}

// `exact`: no floating-point members, which Boost.JSON reads a unit in the last place off now and then.
template <class T, bool exact = true>
void fuzz_type(const boost::json::value& v) {
  std::vector<field_error> errors;
  const auto value = lode::parse<T>(v, errors);
  must(value.has_value() == errors.empty());
  if (!value) return;
  std::string text;
  lode::write_json(text, *value);
  const auto tree = lode::parse_body(text, errors);
  must(tree.has_value());
  if (!exact) return;
  const auto back = lode::parse<T>(*tree, errors);
  must(back.has_value());
  std::string again;
  lode::write_json(again, *back);
  must(text == again);
}

void fuzz_scalars(std::string_view text) {
  std::vector<field_error> errors;
  must(lode::parse_int(text, "n", errors).has_value() == errors.empty());
  errors.clear();
  must(lode::parse_float(text, "x", errors).has_value() == errors.empty());
  errors.clear();
  must(lode::parse_bool(text, "b", errors).has_value() == errors.empty());
}

void fuzz_record(std::string_view text) {
  const auto same = [](std::string_view s) { return std::string{s}; };
  const auto open = [](std::string_view s) -> lode::result<std::string> { return std::string{s}; };
  if (const auto r = lode::decode_allocation(text, open)) {
    const auto back = lode::decode_allocation(lode::encode(*r, same), open);
    must(back.has_value() && *back == *r);
    must(!lode::allocation_event(*r, "event", r->created_at, r->release_reason).empty());
  }
  if (const auto m = lode::decode_miner(text)) {
    const auto back = lode::decode_miner(lode::encode(*m));
    must(back.has_value() && *back == *m);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  fuzz_scalars(text);
  fuzz_record(text);
  if (const auto miners = lode::parse_miners_file(text))
    for (const auto& m : *miners) must(m.port != 0 && m.hotkey.size() == 48);
  std::vector<field_error> errors;
  const auto v = lode::parse_body(text, errors);
  must(v.has_value() == errors.empty());
  if (!v) return 0;
  fuzz_type<lode::device_requirement>(*v);
  fuzz_type<lode::docker_requirement>(*v);
  fuzz_type<lode::allocate_spec_body>(*v);
  fuzz_type<lode::allocation>(*v);
  fuzz_type<lode::resource, false>(*v);
  fuzz_type<lode::resource_query, false>(*v);
  fuzz_type<lode::specs_document, false>(*v);
  fuzz_type<lode::miner_info>(*v);
  return 0;
}
