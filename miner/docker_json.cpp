#include "miner/docker_json.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace lode::miner {

namespace json = boost::json;

namespace {

const json::value* find(const json::value& v, std::string_view key) {
  const auto* o = v.if_object();
  return o == nullptr ? nullptr : o->if_contains(key);
}

std::string text(const json::value& v, std::string_view key) {
  const auto* f = find(v, key);
  return f != nullptr && f->is_string() ? std::string{f->get_string()} : std::string{};
}

std::int64_t number(const json::value& v, std::string_view key) {
  const auto* f = find(v, key);
  if (f == nullptr || !f->is_number()) return 0;
  boost::system::error_code ec;
  const auto n = f->to_number<std::int64_t>(ec);
  return ec ? 0 : n;
}

bool flag(const json::value& v, std::string_view key) {
  const auto* f = find(v, key);
  return f != nullptr && f->is_bool() && f->get_bool();
}

std::map<std::string, std::string> labels(const json::value* v) {
  std::map<std::string, std::string> out;
  if (v == nullptr || !v->is_object()) return out;
  for (const auto& [key, value] : v->get_object()) {
    if (value.is_string()) out.emplace(key, value.get_string());
  }
  return out;
}

container_status status_from(std::string_view s) {
  if (s == "created" || s == "configured" || s == "initialized") return container_status::created;
  if (s == "running") return container_status::running;
  if (s == "paused") return container_status::paused;
  if (s == "restarting") return container_status::restarting;
  if (s == "exited" || s == "stopped") return container_status::exited;
  if (s == "dead") return container_status::dead;
  return container_status::other;
}

result<json::value> parse(std::string_view body) {
  boost::system::error_code ec;
  auto v = json::parse(body, ec);
  if (ec) return error{errc::engine_failed, "the engine's answer is not JSON"};
  return v;
}

json::array strings(const std::vector<std::string>& list) {
  json::array out;
  for (const auto& s : list) out.emplace_back(s);
  return out;
}

json::array devices(const std::vector<std::string>& paths) {
  json::array out;
  for (const auto& p : paths) {
    out.push_back(json::object{{"PathOnHost", p}, {"PathInContainer", p}, {"CgroupPermissions", "rwm"}});
  }
  return out;
}

void put_gpu(json::object& host, const container_spec& spec, engine_dialect dialect) {
  if (spec.gpu_count == 0) return;
  if (dialect == engine_dialect::podman) {
    host["Devices"] = devices(spec.gpu_devices);
    return;
  }
  json::object request;
  request["Count"] = spec.gpu_count;
  request["Capabilities"] = json::array{json::array{"gpu"}};
  host["DeviceRequests"] = json::array{request};
}

void put_limits(json::object& host, const resource_limits& l) {
  host["Memory"] = l.memory;
  host["MemorySwap"] = l.memory;
  if (!l.cpuset.empty()) host["CpusetCpus"] = l.cpuset;
  if (l.nano_cpus > 0) host["NanoCpus"] = l.nano_cpus;
  host["PidsLimit"] = l.pids;
  host["ShmSize"] = l.shm;
  host["Ulimits"] = json::array{
      json::object{{"Name", "nofile"}, {"Soft", l.open_files}, {"Hard", l.open_files}},
      json::object{{"Name", "nproc"}, {"Soft", l.processes}, {"Hard", l.processes}},
  };
}

bool has_words(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

}  // namespace

std::string create_body(const container_spec& spec, engine_dialect dialect) {
  json::object body;
  body["Image"] = spec.image;
  body["Hostname"] = spec.hostname;
  json::object label_object;
  for (const auto& [key, value] : spec.labels) label_object[key] = value;
  body["Labels"] = std::move(label_object);
  if (!spec.entrypoint.empty()) body["Entrypoint"] = strings(spec.entrypoint);
  if (!spec.command.empty()) body["Cmd"] = strings(spec.command);

  json::object host;
  put_limits(host, spec.limits);
  host["SecurityOpt"] = json::array{"no-new-privileges"};
  host["CapDrop"] = json::array{"ALL"};
  host["CapAdd"] = strings(spec.capabilities);
  host["RestartPolicy"] = json::object{{"Name", spec.restart_policy}};
  if (!spec.cgroup_parent.empty()) host["CgroupParent"] = spec.cgroup_parent;
  if (!spec.network) host["NetworkMode"] = "none";
  if (spec.port) {
    const std::string port = fmt::format("{}/tcp", spec.port->container);
    body["ExposedPorts"] = json::object{{port, json::object{}}};
    host["PortBindings"] = json::object{
        {port,
         json::array{json::object{{"HostIp", spec.port->host_ip}, {"HostPort", std::to_string(spec.port->host)}}}}};
  }
  put_gpu(host, spec, dialect);
  body["HostConfig"] = std::move(host);
  return json::serialize(body);
}

error engine_error(const unix_reply& reply, std::string_view what) {
  std::string words;
  boost::system::error_code ec;
  if (const auto v = json::parse(reply.body, ec); !ec) {
    // Podman's `cause` is the short form of `message`; both are searched.
    words = text(v, "message");
    if (const auto cause = text(v, "cause"); !cause.empty() && !has_words(words, cause)) words += " (" + cause + ")";
  } else {
    words = reply.body.substr(0, 300);
  }
  // Words come from outside: one line, bounded.
  std::replace_if(
      words.begin(), words.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  if (words.size() > 500) words.resize(500);
  const std::string detail =
      fmt::format("{}: {} (status {})", what, words.empty() ? "no reason given" : words, reply.status);
  if (reply.status == 404 || has_words(words, "no such container") || has_words(words, "No such container")) {
    return {errc::not_found, detail};
  }
  if (what == "create" && (reply.status == 409 || has_words(words, "name is already in use"))) {
    return {errc::conflict, detail};
  }
  if (what == "start" &&
      (has_words(words, "address already in use") || has_words(words, "port is already allocated"))) {
    return {errc::busy, detail};
  }
  return {errc::engine_failed, detail};
}

std::string label_filter(std::string_view key, std::string_view value) {
  return percent_encode(json::serialize(json::object{{"label", json::array{fmt::format("{}={}", key, value)}}}));
}

std::string id_of(std::string_view body) {
  const auto v = parse(body);
  return v ? text(*v, "Id") : std::string{};
}

result<container_state> parse_inspect(std::string_view body) {
  const auto v = parse(body);
  if (v.has_error()) return v.error();
  container_state out;
  out.id = text(*v, "Id");
  out.name = text(*v, "Name");
  if (out.name.starts_with('/')) out.name.erase(0, 1);
  const auto* state = find(*v, "State");
  if (out.id.empty() || state == nullptr) return error{errc::engine_failed, "inspect: no id or state in the answer"};
  out.status = status_from(text(*state, "Status"));
  // Docker keeps "running" beside Paused while a pause is under way.
  if (flag(*state, "Paused")) out.status = container_status::paused;
  out.exit_code = number(*state, "ExitCode");
  if (const auto* size = find(*v, "SizeRw"); size != nullptr && size->is_number()) {
    out.written_bytes = number(*v, "SizeRw");
  }
  if (const auto* config = find(*v, "Config")) out.labels = labels(find(*config, "Labels"));
  return out;
}

result<container_stats> parse_stats(std::string_view body) {
  const auto v = parse(body);
  if (v.has_error()) return v.error();
  container_stats out;
  if (const auto* memory = find(*v, "memory_stats")) {
    out.memory_bytes = number(*memory, "usage");
    out.memory_limit = number(*memory, "limit");
  }
  if (const auto* cpu = find(*v, "cpu_stats")) {
    if (const auto* usage = find(*cpu, "cpu_usage")) out.cpu_total_ns = number(*usage, "total_usage");
  }
  if (const auto* pids = find(*v, "pids_stats")) out.pids = number(*pids, "current");
  return out;
}

result<std::vector<container_state>> parse_container_list(std::string_view body) {
  const auto v = parse(body);
  if (v.has_error()) return v.error();
  std::vector<container_state> out;
  if (v->is_null()) return out;
  if (!v->is_array()) return error{errc::engine_failed, "list: not an array"};
  for (const auto& item : v->get_array()) {
    container_state c;
    c.id = text(item, "Id");
    if (const auto* names = find(item, "Names");
        names != nullptr && names->is_array() && !names->get_array().empty() && names->get_array()[0].is_string()) {
      c.name = names->get_array()[0].get_string();
      if (c.name.starts_with('/')) c.name.erase(0, 1);
    }
    c.status = status_from(text(item, "State"));
    c.labels = labels(find(item, "Labels"));
    if (!c.id.empty()) out.push_back(std::move(c));
  }
  return out;
}

namespace {
std::vector<std::string> string_list(const json::value* v) {
  std::vector<std::string> out;
  if (v == nullptr || !v->is_array()) return out;
  for (const auto& s : v->get_array()) {
    if (s.is_string()) out.emplace_back(s.get_string());
  }
  return out;
}

image_info image_from(const json::value& v) {
  image_info out;
  out.id = text(v, "Id");
  out.tags = string_list(find(v, "RepoTags"));
  const auto* config = find(v, "Config");
  if (config != nullptr) {
    out.entrypoint = string_list(find(*config, "Entrypoint"));
    out.command = string_list(find(*config, "Cmd"));
  }
  out.labels =
      labels(config != nullptr && find(*config, "Labels") != nullptr ? find(*config, "Labels") : find(v, "Labels"));
  return out;
}
}  // namespace

result<image_info> parse_image(std::string_view body) {
  const auto v = parse(body);
  if (v.has_error()) return v.error();
  return image_from(*v);
}

result<std::vector<image_info>> parse_image_list(std::string_view body) {
  const auto v = parse(body);
  if (v.has_error()) return v.error();
  std::vector<image_info> out;
  if (v->is_null()) return out;
  if (!v->is_array()) return error{errc::engine_failed, "list images: not an array"};
  for (const auto& item : v->get_array()) out.push_back(image_from(item));
  return out;
}

}  // namespace lode::miner
