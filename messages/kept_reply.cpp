#include "messages/kept_reply.hpp"

#include "messages/json.hpp"

#include <boost/json.hpp>

namespace lode {
namespace {

constexpr std::int64_t version = 1;

}  // namespace

std::string encode(const kept_reply& r, const seal_function& seal) {
  std::string out{R"({"v":)"};
  out.append(std::to_string(version)).append(R"(,"request":)");
  write_json_string(out, r.fingerprint);
  out.append(R"(,"at":)").append(std::to_string(r.at)).append(R"(,"data":)");
  write_json_string(out, seal(r.data));
  out.push_back('}');
  return out;
}

result<kept_reply> decode_kept_reply(std::string key, std::string_view text, const open_function& open) {
  const error damaged{errc::store_damaged, "not a kept reply"};
  boost::system::error_code ec;
  const auto root = boost::json::parse(text, ec);
  const auto* object = ec ? nullptr : root.if_object();
  if (!object) return damaged;
  const auto member = [object](std::string_view name) { return object->if_contains(name); };
  const auto* v = member("v");
  if (!v || !v->is_int64() || v->get_int64() < 1) return damaged;
  if (v->get_int64() > version) return error{errc::store_newer, "a kept reply of a newer version"};
  const auto* request = member("request");
  const auto* at = member("at");
  const auto* data = member("data");
  if (!request || !request->is_string() || !at || !at->is_int64() || !data || !data->is_string()) return damaged;
  kept_reply r;
  r.key = std::move(key);
  r.fingerprint = request->get_string();
  r.at = at->get_int64();
  if (!open) return r;
  auto plain = open(data->get_string());
  if (!plain) return plain.error();
  r.data = std::move(*plain);
  return r;
}

}  // namespace lode
