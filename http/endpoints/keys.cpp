// POST /admin/keys, /admin/keys/add, /admin/keys/revoke

#include "http/arguments.hpp"
#include "http/endpoint.hpp"
#include "http/replies.hpp"
#include "messages/json.hpp"

namespace lode::http {
namespace {

response refused(const request& req, const error& e, std::string_view message) {
  return e == errc::bad_request ? failed(400, message, e.detail) : not_done(req, e);
}

void write_text(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  write_json_string(out, value);
}

void write_key(std::string& out, const api_key& k) {
  write_text(out, R"({"id":)", k.id);
  write_text(out, R"(,"name":)", k.name);
  write_text(out, R"(,"role":)", to_string(k.grants));
  write_text(out, R"(,"created_at":)", rfc3339(k.created_at));
  if (k.last_used_at == 0)
    out.append(R"(,"last_used_at":null)");
  else
    write_text(out, R"(,"last_used_at":)", rfc3339(k.last_used_at));
  out.push_back('}');
}

}  // namespace

task<response> post_admin_keys(const endpoint_context& c, request& req) {
  if (!c.access) co_return unavailable(error{errc::not_ready, "keys are not served"});
  const auto answer = co_await ask(c, c.access, list_keys{}, req.arrived + c.reply_timeout);
  if (!answer) co_return not_done(req, answer.error());
  co_return succeeded("List keys successfully.", list_of(answer->items, write_key));
}

task<response> post_admin_keys_add(const endpoint_context& c, request& req) {
  arguments args{req};
  add_key message;
  const auto before = args.failures();
  message.name = args.required_string("name");
  if (args.failures() == before && !is_key_name(message.name))
    args.fail("name", "Input should be 1 to 64 characters of A-Z a-z 0-9 . _ @ + -");
  const auto between = args.failures();
  const auto wanted = args.required_string("role");
  const auto grants = role_from(wanted);
  if (args.failures() == between && !grants) args.fail("role", "Input should be 'read', 'rent' or 'admin'");
  if (!args.ok()) co_return args.refusal();
  if (!c.access) co_return unavailable(error{errc::not_ready, "keys are not served"});
  message.grants = *grants;
  message.ctx = c.for_actors(req);
  const auto answer = co_await ask(c, c.access, std::move(message), req.arrived + c.reply_timeout);
  if (!answer) co_return refused(req, answer.error(), "Key was not added.");
  std::string out;
  write_text(out, R"({"id":)", answer->key.id);
  write_text(out, R"(,"name":)", answer->key.name);
  write_text(out, R"(,"role":)", to_string(answer->key.grants));
  write_text(out, R"(,"key":)", answer->text);
  out.push_back('}');
  response r = succeeded("Key was added.", out);
  r.headers.emplace_back("cache-control", "no-store");
  co_return r;
}

task<response> post_admin_keys_revoke(const endpoint_context& c, request& req) {
  arguments args{req};
  revoke_key message;
  message.id = args.required_string("id");
  if (!args.ok()) co_return args.refusal();
  if (!c.access) co_return unavailable(error{errc::not_ready, "keys are not served"});
  message.ctx = c.for_actors(req);
  const auto answer = co_await ask(c, c.access, std::move(message), req.arrived + c.reply_timeout);
  if (answer) co_return succeeded("Key was revoked.");
  if (answer.error() == errc::not_found) co_return failed(404, "No such key.");
  co_return refused(req, answer.error(), "Key was not revoked.");
}

}  // namespace lode::http
