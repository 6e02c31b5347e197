#pragma once
// What a run consists of: how much load when, of which operations, over how many connections. Read from TOML
// (bench/README.md has every key) or put together from flags.

#include "bench/load/arrivals.hpp"
#include "bench/load/levels.hpp"
#include "messages/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::bench {

enum class loop { closed, open };

/// A time that is drawn evenly between both, in seconds.
struct time_range {
  double least = 0;
  double most = 0;
};

enum class operation {
  pairs,   ///< allocate_spec, hold, deallocate
  hotkey,  ///< the same of a miner that was chosen, by allocate_hotkey
  pause,   ///< allocate_spec, hold, pause, hold, unpause, deallocate
  list,    ///< POST of a listing, with pages and a filter
  status,  ///< check_miner_status of some miners
  get,     ///< any path
};

/// One kind of operation with its share of all.
struct mix_entry {
  operation op = operation::pairs;
  std::string name;  ///< in reports; of list, status and get
  double weight = 1;
  time_range hold;
  std::string requirements;    ///< JSON object of pairs and pause; empty: any miner
  std::string path;            ///< of list and get
  std::string method = "GET";  ///< of get
  std::string filter;          ///< JSON object of list; empty: none
  unsigned page_size = 0;      ///< of list; 0: everything on one page
  unsigned pages = 1;          ///< of list: a page from 1 to this one
  unsigned hotkeys = 1;        ///< of status: how many are asked at once
};

struct scenario {
  std::string name;
  std::string summary;
  loop mode = loop::closed;
  arrival_process process = arrival_process::poisson;
  std::uint64_t seed = 1;
  double warmup = 1;  ///< seconds that are not measured
  std::vector<phase> phases;
  std::vector<mix_entry> mix;
  time_range think;            ///< of a closed loop, between two operations of a worker
  unsigned connections = 0;    ///< most at once; 0: as many as a closed loop has workers, 64 of an open one
  bool open_at_start = false;  ///< all of them before the first request
  std::chrono::milliseconds deadline{30'000};  ///< of one request once it is sent, and of its wait for a connection
  std::chrono::milliseconds drain{2'000};      ///< after the end: how long what waits for a connection still may
  std::size_t backlog = 50'000;                ///< most that wait for a connection
  std::vector<std::string> allow;              ///< outcomes that are no errors: a status, or "unsent"
  bool check_listing = true;
  std::vector<std::pair<std::string, std::string>> server;  ///< settings a loded should be started with
  std::string url, ca, cert, key;                           ///< the target, where the file names one
};

/// The names of what is measured, and which of them are meant.
struct request_kinds {
  explicit request_kinds(const scenario& s);

  std::vector<std::string> names;
  std::vector<std::size_t> of_entry;  ///< the first request of each entry of the mix
  std::size_t deallocate = 0, pause = 0, unpause = 0;
};

[[nodiscard]] bool rents(operation op) noexcept;
[[nodiscard]] bool rents(const scenario& s) noexcept;
/// Some operation needs to know miners.
[[nodiscard]] bool names_miners(const scenario& s) noexcept;
std::string_view to_string(operation op) noexcept;
std::string_view to_string(phase_kind k) noexcept;

/// Whether `outcome` is a failure to this scenario. "ok" never is.
[[nodiscard]] bool is_error(const scenario& s, std::string_view outcome);
/// How many connections a run opens at most.
[[nodiscard]] unsigned connections_of(const scenario& s);

/// Every mistake in the text, each as "PATH:LINE: what, and what was expected". The name is that of the file without
/// its ending.
result<scenario> parse_scenario(std::string_view text, const std::string& path);
/// The scenarios that come with the program, by name, with their text.
const std::vector<std::pair<std::string_view, std::string_view>>& built_in_scenarios();
/// A path when it has a '/' or ends with .toml, else the name of a built-in one. The error is config_invalid.
result<scenario> find_scenario(const std::string& name_or_path);

}  // namespace lode::bench
