#include "cli/session.hpp"

#include "messages/validation.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace lode::cli {

namespace json = boost::json;

session::session(environment env, const shared_arguments& args)
    : env_(std::move(env)), args_(args), term_(look_at_terminal(env_, args.no_colour)) {}

milliseconds session::timeout() const { return milliseconds{static_cast<std::int64_t>(args_.timeout * 1000)}; }

outcome<const destination*> session::server() {
  if (!server_) {
    const auto f = load_contexts(env_);
    if (!f) return f.error();
    auto found = resolve_destination(args_.server, env_, *f);
    if (!found) return found.error();
    server_ = std::move(*found);
  }
  return &*server_;
}

state_file session::state() const { return state_file{env_.state_folder() + "/" + server_->state_name + ".json"}; }

wire_result<http_reply> session::send(const call& c, spinner& s) {
  http_request r;
  r.method = c.method;
  r.target = target_of(c.path, c.query);
  if (!c.body.is_null()) r.body = json::serialize(c.body);
  r.headers = c.headers;
  patience p;
  p.whole = c.time.value_or(timeout());
  p.on_tick = [&s] { s.turn(); };
  auto reply = exchange(server_->to, r, p);
  s.clear();
  return reply;
}

outcome<answer> session::ask(const call& c) {
  const auto to = server();
  if (!to) return to.error();
  spinner s{term_, c.waits_for.empty() ? std::string{c.doing} : c.waits_for};
  const auto reply = send(c, s);
  if (!reply) return failure_of(reply.error(), (*to)->to.url, c.doing);
  return open_reply(*reply, c.doing);
}

outcome<answer> session::ask_list(const call& c) {
  const auto to = server();
  if (!to) return to.error();
  spinner s{term_, c.waits_for.empty() ? std::string{c.doing} : c.waits_for};
  const auto reply = send(c, s);
  if (!reply) return failure_of(reply.error(), (*to)->to.url, c.doing);
  if (reply->status == 404) {
    const auto text = reply->body;
    if (text.find("No resources found") != std::string::npos ||
        text.find("There is no resource available") != std::string::npos) {
      answer none;
      none.status = reply->status;
      none.data = json::array{};
      none.raw_data = "[]";
      return none;
    }
  }
  return open_reply(*reply, c.doing);
}

outcome<void> session::print(std::string_view text) {
  const auto written = std::fwrite(text.data(), 1, text.size(), stdout);
  if (written == text.size() && std::fflush(stdout) == 0) return {};
  // `lode ls | head -1` is no error.
  if (errno == EPIPE) return {};
  return failure{ending::failed, fmt::format("standard output: {}", std::strerror(errno)), {}};
}

void session::note(std::string_view text) const {
  if (term_.err) fmt::print(stderr, "{}\n", coloured(harmless(text), tone::weak, term_.err_colours));
}

outcome<void> session::show(const answer& a, const table& t) {
  if (json()) return print((a.raw_data.empty() ? "null" : a.raw_data) + "\n");
  return print(text_of(t, term_, !args_.no_header));
}
outcome<void> session::show(const answer& a, const std::vector<std::pair<std::string, cell>>& pairs) {
  if (json()) return print((a.raw_data.empty() ? "null" : a.raw_data) + "\n");
  return print(text_of(pairs, term_));
}
outcome<void> session::confirm(const answer& a, const std::string& line) {
  if (json()) return print((a.raw_data.empty() ? "null" : a.raw_data) + "\n");
  return print(harmless(line) + "\n");
}

CLI::App* registry::add_to(CLI::App* parent, const std::string& name, const std::string& text,
                           const std::string& examples) {
  auto* command = parent->add_subcommand(name, text);
  if (!examples.empty()) command->footer("Examples:\n" + examples);
  return command;
}
CLI::App* registry::add(const std::string& name, const std::string& text, const std::string& examples) {
  return add_to(&app, name, text, examples);
}
void registry::on(CLI::App* command, std::function<outcome<void>(session&)> work) {
  command->callback([this, work = std::move(work)] { chosen = work; });
}

tone tone_of_state(std::string_view state) {
  if (state == "active" || state == "available") return tone::good;
  if (state == "paused" || state == "releasing" || state == "reserving") return tone::bad;
  return tone::plain;
}

outcome<answer> list_allocations(session& s) {
  call c;
  c.path = "/list/allocations_sql";
  c.doing = "list allocations";
  return s.ask_list(c);
}

outcome<remembered> find_allocation(session& s, const std::string& name, const std::string& uuid) {
  const auto to = s.server();
  if (!to) return to.error();
  const auto known = s.state().read();
  if (!known) return known.error();
  auto ours = find_ours(*known, s.server_text(), name);
  if (ours) {
    if (!uuid.empty()) ours->uuid = uuid;
    return ours;
  }
  if (!looks_like_ss58(name)) return ours;
  remembered other;
  other.hotkey = name;
  other.uuid = uuid;
  if (!uuid.empty()) return other;
  const auto listed = list_allocations(s);
  if (!listed) return listed.error();
  if (const auto* items = listed->data.if_array())
    for (const auto& item : *items)
      if (text_in(item, "hotkey") == name) other.uuid = text_in(item, "uuid_key");
  if (!other.uuid.empty()) return other;
  return ours;
}

outcome<std::string> read_ssh_key(const std::string& file, const environment& env) {
  auto text = read_file(env.expanded(file), 65536);
  if (!text)
    return failure{ending::usage, "the SSH key: " + text.error().what,
                   "make one with  ssh-keygen -t ed25519  and name its .pub file with --ssh-key"};
  if (text->find("PRIVATE KEY") != std::string::npos)
    return failure{ending::usage, file + " is a private key, which must stay with you",
                   "name " + file + ".pub instead"};
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r' || text->back() == ' ')) text->pop_back();
  const bool known = text->starts_with("ssh-") || text->starts_with("ecdsa-") || text->starts_with("sk-");
  if (!known || text->find_first_of("\r\n") != std::string::npos || text->find(' ') == std::string::npos)
    return failure{ending::usage, file + " is not one line of an OpenSSH public key",
                   "expected a file such as ~/.ssh/id_ed25519.pub"};
  return *text;
}

std::string identity_of(const std::string& file, const environment& env) {
  auto path = env.expanded(file);
  if (!path.ends_with(".pub")) return {};
  path.resize(path.size() - 4);
  if (!path.starts_with('/')) {
    const std::unique_ptr<char, void (*)(void*)> whole{::realpath(path.c_str(), nullptr), std::free};
    if (!whole) return {};
    path = whole.get();
  }
  return file_exists(path) ? path : std::string{};
}

}  // namespace lode::cli
