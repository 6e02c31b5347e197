#include "fake_engine.hpp"

#include <fmt/format.h>

namespace lode::miner::testing {

namespace {
error missing() { return {errc::not_found, "no such container"}; }
bool has_label(const std::map<std::string, std::string>& labels, const std::string& key, const std::string& value) {
  const auto it = labels.find(key);
  return it != labels.end() && it->second == value;
}
}  // namespace

world::world() {
  image_info base;
  base.id = "base";
  base.tags = {"localhost/lode-base:1"};
  base.entrypoint = {"/usr/local/sbin/lode-init"};
  images.emplace("localhost/lode-base:1", base);
}

bool world::answers_on(std::uint16_t port) const {
  if (!ssh_answers) return false;
  for (const auto& [id, c] : containers) {
    if (c.status == container_status::running && c.spec.port && c.spec.port->host == port) return true;
  }
  return false;
}

int world::rentals() const {
  int n = 0;
  for (const auto& [id, c] : containers) n += has_label(c.spec.labels, label_kind, "rental") ? 1 : 0;
  return n;
}

task<void> fake_engine::step(std::string name) {
  if (!dies_at || !dies_at(name)) co_return;
  io_.stop();
  co_await never_.wait();
}

task<std::optional<error>> fake_engine::before(std::string op) {
  co_await step("before " + op);
  auto& queue = failures[op];
  if (queue.empty()) co_return std::nullopt;
  auto next = queue.front();
  queue.pop_front();
  co_return next;
}

task<void> fake_engine::after(const std::string& op) { return step("after " + op); }

fake_container* fake_engine::find(const std::string& id_or_name) {
  for (auto& [id, c] : world_.containers) {
    if (id == id_or_name || c.spec.name == id_or_name) return &c;
  }
  return nullptr;
}

container_state fake_engine::state_of(const std::string& id, const fake_container& c) const {
  container_state s;
  s.id = id;
  s.name = c.spec.name;
  s.status = c.status;
  s.exit_code = c.exit_code;
  s.written_bytes = world_.script_bytes;
  s.labels = c.spec.labels;
  return s;
}

task<result<engine_dialect>> fake_engine::ping() {
  if (auto e = co_await before("ping")) co_return *e;
  co_return engine_dialect::podman;
}

task<result<std::string>> fake_engine::create(const container_spec& spec) {
  if (auto e = co_await before("create")) co_return *e;
  if (!world_.images.contains(spec.image)) co_return error{errc::not_found, "no such image"};
  if (find(spec.name) != nullptr) co_return error{errc::conflict, "that name is already in use"};
  const auto id = fmt::format("{:064x}", world_.next_id++);
  fake_container c;
  c.spec = spec;
  auto& shadow = c.files["etc/shadow"];
  shadow.path = "etc/shadow";
  shadow.mode = 0640;
  shadow.gid = 42;
  shadow.content = "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n";
  world_.containers.emplace(id, std::move(c));
  co_await after("create");
  co_return id;
}

task<result<void>> fake_engine::start(std::string id) {
  if (auto e = co_await before("start")) co_return *e;
  auto* c = find(id);
  if (c == nullptr) co_return missing();
  if (c->spec.port && world_.taken_ports.contains(c->spec.port->host)) {
    co_return error{errc::busy, "address already in use"};
  }
  const bool ends = !c->spec.network && world_.script_ends;
  c->status = ends ? container_status::exited : container_status::running;
  if (ends) c->exit_code = world_.script_exit;
  co_await after("start");
  co_return result<void>{};
}

task<result<void>> fake_engine::set_status(std::string op, std::string id, container_status from, container_status to) {
  if (auto e = co_await before(op)) co_return *e;
  auto* c = find(id);
  if (c == nullptr) co_return missing();
  if (c->status != from) co_return error{errc::engine_failed, "container state improper"};
  c->status = to;
  co_await after(op);
  co_return result<void>{};
}

task<result<void>> fake_engine::stop(std::string id, std::chrono::seconds) {
  return set_status("stop", std::move(id), container_status::running, container_status::exited);
}
task<result<void>> fake_engine::kill(std::string id) {
  return set_status("kill", std::move(id), container_status::running, container_status::exited);
}
task<result<void>> fake_engine::pause(std::string id) {
  return set_status("pause", std::move(id), container_status::running, container_status::paused);
}
task<result<void>> fake_engine::unpause(std::string id) {
  return set_status("unpause", std::move(id), container_status::paused, container_status::running);
}

task<result<void>> fake_engine::remove(std::string id) {
  if (auto e = co_await before("remove")) co_return *e;
  if (world_.containers.erase(id) == 0) co_return missing();
  co_await after("remove");
  co_return result<void>{};
}

task<result<container_state>> fake_engine::inspect(std::string id, bool) {
  if (auto e = co_await before("inspect")) co_return *e;
  for (const auto& [key, c] : world_.containers) {
    if (key == id || c.spec.name == id) co_return state_of(key, c);
  }
  co_return missing();
}

task<result<container_stats>> fake_engine::stats(std::string id) {
  if (auto e = co_await before("stats")) co_return *e;
  if (find(id) == nullptr) co_return missing();
  co_return container_stats{};
}

task<result<std::vector<container_state>>> fake_engine::list(std::string key, std::string value) {
  if (auto e = co_await before("list")) co_return *e;
  std::vector<container_state> out;
  for (const auto& [id, c] : world_.containers) {
    if (has_label(c.spec.labels, key, value)) out.push_back(state_of(id, c));
  }
  co_return out;
}

std::map<std::string, tar_entry>& fake_engine::files_of(fake_container& c) {
  return world_.reaches_outside && c.status == container_status::running ? world_.outside : c.files;
}

task<result<void>> fake_engine::upload(std::string id, std::string tar) {
  if (auto e = co_await before("upload")) co_return *e;
  auto* c = find(id);
  if (c == nullptr) co_return missing();
  auto entries = read_tar(tar);
  if (entries.has_error()) co_return entries.error();
  for (auto& f : *entries) {
    if (!world_.lose_uploads) files_of(*c)[f.path] = f;
  }
  co_await after("upload");
  co_return result<void>{};
}

task<result<std::string>> fake_engine::download(std::string id, std::string path) {
  if (auto e = co_await before("download " + path)) co_return *e;
  auto* c = find(id);
  if (c == nullptr) co_return missing();
  const auto& files = files_of(*c);
  const auto f = files.find(path.substr(1));
  if (f == files.end()) co_return error{errc::not_found, "no such file"};
  auto named = f->second;
  named.path = path.substr(path.rfind('/') + 1);
  co_return write_tar({named}).value();
}

task<result<void>> fake_engine::commit(std::string id, std::string repo, std::string tag,
                                       std::vector<std::string> changes) {
  if (auto e = co_await before("commit")) co_return *e;
  auto* c = find(id);
  if (c == nullptr) co_return missing();
  image_info image;
  image.id = "image-" + tag;
  image.tags = {repo + ":" + tag};
  image.labels = c->spec.labels;
  image.entrypoint = std::move(changes);
  world_.images[repo + ":" + tag] = std::move(image);
  co_await after("commit");
  co_return result<void>{};
}

task<result<image_info>> fake_engine::inspect_image(std::string name) {
  if (auto e = co_await before("inspect_image")) co_return *e;
  const auto it = world_.images.find(name);
  if (it == world_.images.end()) co_return error{errc::not_found, "no such image"};
  co_return it->second;
}

task<result<std::vector<image_info>>> fake_engine::list_images(std::string key, std::string value) {
  if (auto e = co_await before("list_images")) co_return *e;
  std::vector<image_info> out;
  for (const auto& [name, image] : world_.images) {
    if (has_label(image.labels, key, value)) out.push_back(image);
  }
  co_return out;
}

task<result<void>> fake_engine::remove_image(std::string name) {
  if (auto e = co_await before("remove_image")) co_return *e;
  if (world_.images.erase(name) == 0) co_return error{errc::not_found, "no such image"};
  co_await after("remove_image");
  co_return result<void>{};
}

}  // namespace lode::miner::testing
