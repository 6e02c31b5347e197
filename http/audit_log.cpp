#include "http/audit_log.hpp"

#include "http/arguments.hpp"
#include "messages/json.hpp"

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace lode::http {
namespace {

constexpr std::size_t longest = 200;
constexpr std::size_t uuid_end = 4;
constexpr std::size_t longest_reply = std::size_t{64} * 1024;  // of those that name what was made

// Parameters that say what a call was about and hold no secret.
constexpr std::array<std::string_view, 8> told{"hotkey", "id", "name", "role", "mark", "reason", "event", "key_type"};

void member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  write_json_string(out, value.substr(0, longest));
}

// The end of a UUID only when there is more to it.
void uuid_member(std::string& out, std::string_view uuid) {
  if (uuid.size() > 4 * uuid_end) member(out, "uuid_end", uuid.substr(uuid.size() - uuid_end));
}

std::string now_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return rfc3339_micro(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

// What was made, where the request could not name it.
void add_outcome(std::string& out, const response& reply, bool named, bool with_uuid, bool with_id) {
  if (reply.status != 200 || reply.body.size() > longest_reply) return;
  boost::system::error_code ec;
  const auto root = boost::json::parse(reply.body, ec);
  const auto* object = ec ? nullptr : root.if_object();
  const auto* data = object ? object->if_contains("data") : nullptr;
  const auto* made = data ? data->if_object() : nullptr;
  if (!made) return;
  const auto text = [made](std::string_view name) {
    const auto* m = made->if_contains(name);
    return m && m->is_string() ? std::string_view{m->get_string()} : std::string_view{};
  };
  if (!named && !text("hotkey").empty()) member(out, "hotkey", text("hotkey"));
  if (!with_uuid) uuid_member(out, text("uuid_key"));
  if (!with_id && !text("id").empty()) member(out, "id", text("id"));
}

}  // namespace

bool is_audited(const endpoint& e) noexcept { return e.needs >= role::rent && !e.reads_only; }

std::string audit_line(const request& req, const endpoint& e, const response* reply) {
  std::string out{R"({"time":)"};
  write_json_string(out, now_text());
  member(out, "request_id", req.request_id);
  member(out, "caller", req.caller);
  if (!req.key_id.empty()) member(out, "key", req.key_id);
  member(out, "address", req.peer_ip);
  member(out, "method", req.method_text);
  member(out, "endpoint", e.path);
  arguments args{req};
  bool named = false;
  bool with_id = false;
  for (const auto name : told)
    if (const auto value = args.maybe_string(name)) {
      member(out, name, *value);
      named = named || name == "hotkey";
      with_id = with_id || name == "id";
    }
  if (const auto days = args.maybe_count("days")) out.append(R"(,"days":)").append(std::to_string(*days));
  const auto uuid = args.maybe_string("uuid_key");
  if (uuid) uuid_member(out, *uuid);
  if (reply) add_outcome(out, *reply, named, uuid.has_value(), with_id);
  out.append(R"(,"status":)").append(reply ? std::to_string(reply->status) : "null").push_back('}');
  return out;
}

std::string audit_line_of_local_key(const api_key& made, unsigned user) {
  std::string out{R"({"time":)"};
  write_json_string(out, now_text());
  member(out, "caller", "user " + std::to_string(user) + " of this machine");
  member(out, "endpoint", "loded --add-admin-key");
  member(out, "id", made.id);
  member(out, "name", made.name);
  member(out, "role", to_string(made.grants));
  out.append(R"(,"status":200})");
  return out;
}

result<std::shared_ptr<audit_log>> audit_log::open(const std::string& path) {
  // Not blocking: the name may be a pipe's.
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, S_IRUSR | S_IWUSR);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    const auto why = std::generic_category().message(errno);
    if (fd >= 0) ::close(fd);
    return error{errc::config_invalid, "audit.file " + path + " cannot be written: " + why};
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    return error{errc::config_invalid, "audit.file " + path + " is not a regular file"};
  }
  return std::shared_ptr<audit_log>{new audit_log{fd}};  // NOLINT(cppcoreguidelines-owning-memory): private constructor
}

audit_log::~audit_log() { ::close(fd_); }

bool audit_log::write(std::string line) {
  line.push_back('\n');
  const auto n = ::write(fd_, line.data(), line.size());
  if (n == static_cast<ssize_t>(line.size())) return true;
  const auto why = n < 0 ? std::generic_category().message(errno) : std::string{"only a part was written"};
  const auto now = std::chrono::steady_clock::now();
  if (now < quiet_until_) return false;
  quiet_until_ = now + std::chrono::minutes{1};
  spdlog::error("the audit log cannot be written: {}", why);
  return false;
}

}  // namespace lode::http
