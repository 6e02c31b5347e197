#pragma once
// Makes and removes the renter's container. Every step is bounded in time; nothing here remembers anything: what must
// survive a crash is in the slot's record, and what exists is asked of the engine by label.

#include "miner/engine.hpp"
#include "miner/rental.hpp"
#include "miner/turnstile.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace lode::miner {

struct rental {
  std::string container_id;
  std::uint16_t port = 0;
  std::string host_key;  ///< line of the container's SSH host key; no other machine has it
};

/// Asks whether SSH answers on ip:port within a bound; reads_ssh_banner but in tests.
using banner_probe = std::function<task<bool>(std::string ip, std::uint16_t port, std::chrono::milliseconds bound)>;

/// Thread: the io thread. Outlives its calls.
class container_maker {
 public:
  container_maker(boost::asio::io_context& io, engine& e, const rental_options& options, banner_probe probe);

  /// The whole way: the renter's script if there is one, create, upload of keys and password, start, and SSH answering
  /// on the published port. A taken port is retried with the next of the range. On an error, or once `cancel` is set
  /// (shutting_down), something may be left in the engine: remove_all() takes it away.
  task<result<rental>> make(const rental_plan& plan, std::string password, event& cancel);

  /// Removes every container and image of `allocation`, until the engine no longer knows them. Idempotent.
  task<result<void>> remove_all(std::string allocation);

  /// Waits until SSH answers, the container ends for good, `cancel` is set or the time for a banner is over.
  task<result<void>> wait_until_ready(std::string id, std::uint16_t port, event& cancel);

  /// Whether files of this running or paused container, asked of the engine, are those that its sshd has: the host key
  /// in them is `host_key`, the one of its rental. False: nothing may be written into it while it runs, for it could
  /// go into the root directory of the machine (engine::upload), or the renter changed the host key.
  task<result<bool>> sees(std::string id, std::string host_key);

  /// Replaces both lines of authorized_keys, then reads the file and compares. For a container that does not run, or
  /// whose files the engine sees().
  task<result<void>> put_keys(std::string id, const std::string& user_key, const std::string& terminal_key);

  /// Removes one container and waits until the engine answers that it does not know it.
  task<result<void>> remove_until_gone(std::string id);

 private:
  task<result<std::string>> build_image(const rental_plan& plan, event& cancel);
  task<result<void>> run_script(const rental_plan& plan, std::string id, event& cancel);
  task<result<std::string>> create_fresh(const container_spec& spec);
  task<result<std::string>> put_access(std::string id, const rental_plan& plan, const std::string& password);
  task<result<void>> put_and_verify(std::string id, std::vector<struct tar_entry> files);
  task<result<std::string>> read_file(std::string id, std::string path);
  std::vector<std::uint16_t> ports_to_try();

  boost::asio::io_context& io_;
  engine& engine_;
  const rental_options& options_;
  banner_probe probe_;
  std::map<std::uint16_t, std::chrono::steady_clock::time_point> taken_;  ///< ports seen taken, and when
};

}  // namespace lode::miner
