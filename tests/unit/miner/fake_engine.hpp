#pragma once
// A container engine for tests: a small world of containers and images that outlives the fake engine on top, as a real
// one outlives lode-miner. Calls can be made to fail, and the process "dies" at any step.

#include "miner/engine.hpp"
#include "miner/tar.hpp"
#include "miner/turnstile.hpp"

#include <boost/asio/io_context.hpp>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace lode::miner::testing {

struct fake_container {
  container_spec spec;
  container_status status = container_status::created;
  std::int64_t exit_code = 0;
  std::map<std::string, tar_entry> files;  ///< by path without the leading /
};

/// What is in the engine.
struct world {
  std::map<std::string, fake_container> containers;
  std::map<std::string, image_info> images;  ///< by name
  std::set<std::uint16_t> taken_ports;       ///< by somebody else
  bool ssh_answers = true;
  bool lose_uploads = false;  ///< 200, and nothing is there
  /// Running containers are reached as by an engine in a chroot: what is read and written is `outside`.
  bool reaches_outside = false;
  std::map<std::string, tar_entry> outside;
  int script_exit = 0;
  bool script_ends = true;
  std::int64_t script_bytes = 0;
  int next_id = 1;

  world();
  [[nodiscard]] bool answers_on(std::uint16_t port) const;
  [[nodiscard]] int rentals() const;
};

class fake_engine final : public engine {
 public:
  fake_engine(boost::asio::io_context& io, world& w) : io_(io), world_(w), never_(io) {}

  /// The next calls of `op` fail with these, in order; an empty one lets a call through.
  std::map<std::string, std::deque<std::optional<error>>> failures;
  /// Called at each step, before and after a call's effect; true ends the "process" there: the call never returns.
  std::function<bool(const std::string& step)> dies_at;

  task<result<engine_dialect>> ping() override;
  task<result<std::string>> create(const container_spec& spec) override;
  task<result<void>> start(std::string id) override;
  task<result<void>> stop(std::string id, std::chrono::seconds grace) override;
  task<result<void>> kill(std::string id) override;
  task<result<void>> pause(std::string id) override;
  task<result<void>> unpause(std::string id) override;
  task<result<void>> remove(std::string id) override;
  task<result<container_state>> inspect(std::string id, bool with_size) override;
  task<result<container_stats>> stats(std::string id) override;
  task<result<std::vector<container_state>>> list(std::string key, std::string value) override;
  task<result<void>> upload(std::string id, std::string tar) override;
  task<result<std::string>> download(std::string id, std::string path) override;
  task<result<void>> commit(std::string id, std::string repo, std::string tag,
                            std::vector<std::string> changes) override;
  task<result<image_info>> inspect_image(std::string name) override;
  task<result<std::vector<image_info>>> list_images(std::string key, std::string value) override;
  task<result<void>> remove_image(std::string name) override;

 private:
  task<std::optional<error>> before(std::string op);
  task<void> after(const std::string& op);
  task<void> step(std::string name);
  fake_container* find(const std::string& id_or_name);
  std::map<std::string, tar_entry>& files_of(fake_container& c);
  task<result<void>> set_status(std::string op, std::string id, container_status from, container_status to);
  container_state state_of(const std::string& id, const fake_container& c) const;

  boost::asio::io_context& io_;
  world& world_;
  event never_;
};

}  // namespace lode::miner::testing
