#pragma once
// placement_shelf: free miners of about the same shape. It knows the most that each stretch of them has of everything,
// so a search steps over what cannot be enough. Pure data structure; part of placement_index.

#include "messages/types.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace lode::actors {

/// Hardware in the units in which it is asked for. At most 2^32-1 of each; more counts as that, less than none as none.
struct amounts {
  std::uint32_t gpu_gb = 0, gpus = 0, cpus = 0, ram_gib = 0, disk_gib = 0;

  /// False: there is less than `need` of something. True: there is enough, up to the limits above.
  [[nodiscard]] bool cover(const amounts& need) const noexcept {
    // Without branches: which of them fails cannot be guessed.
    return ((gpu_gb >= need.gpu_gb) & (gpus >= need.gpus) & (cpus >= need.cpus) & (ram_gib >= need.ram_gib) &
            (disk_gib >= need.disk_gib)) != 0;
  }
  void raise_to(const amounts& other) noexcept;
  friend bool operator==(const amounts&, const amounts&) = default;
};

/// Where a miner stands among those on offer: the lesser rank is offered first. `turn` decides, but for best fit, where
/// it is the same for all.
struct placement_rank {
  std::int64_t turn = 0;
  std::int64_t gpu_mib = 0, gpus = 0, cpus = 0, ram = 0, disk = 0;  // as in miner_specs
  std::uint64_t tie = 0;
  std::uint32_t miner = 0;
  std::uint32_t name : 30 = 0;        // of its GPU, by number
  std::uint32_t unreachable : 1 = 0;  // compared by whoever has shelves of both kinds
  std::uint32_t offered : 1 = 0;

  [[nodiscard]] amounts has() const noexcept;
  friend bool operator==(const placement_rank&, const placement_rank&) = default;
  [[nodiscard]] bool before(const placement_rank& other) const noexcept {
    return turn != other.turn ? turn < other.turn : smaller(other);
  }
  /// By hardware alone; a strict order of all miners.
  [[nodiscard]] bool smaller(const placement_rank& other) const noexcept;
};

/// What is asked for, but for the name of the GPU.
class wanted {
 public:
  explicit wanted(const device_requirement& need) noexcept;
  /// The least that may be enough.
  [[nodiscard]] const amounts& least() const noexcept { return least_; }
  [[nodiscard]] bool met_by(const placement_rank& r) const noexcept;

 private:
  std::int64_t gpu_gb_, gpus_, cpus_, ram_gib_, disk_gib_;
  amounts least_;
};

/// Of several miners: the most that any of them has of each, and the least turn.
struct extent {
  amounts most;
  std::int64_t turn = std::numeric_limits<std::int64_t>::max();
  void include(const extent& other) noexcept;
  friend bool operator==(const extent&, const extent&) = default;
};

/// The miners lie in the order of their hardware, whatever the policy, because then neighbours are alike and a stretch
/// of them has hardly more of anything than its members. For best fit this is also the order in which they are offered.
class placement_shelf {
 public:
  /// The ranks of all miners by their number; they outlive the shelf, and do not change while a miner is on it.
  explicit placement_shelf(const std::vector<placement_rank>& ranks) : ranks_(ranks) {}

  /// A miner that is not on the shelf. O(log n), amortised.
  void insert(std::uint32_t miner);
  /// A miner that is.
  void erase(std::uint32_t miner);
  /// The miner of the least rank that meets `w`, is not in `tried` and comes before `limit` (when there is one).
  [[nodiscard]] std::optional<std::uint32_t> first(const wanted& w, std::span<const std::uint32_t> tried,
                                                   const placement_rank* limit) const;
  /// Adds all miners that meet `w`.
  void collect(const wanted& w, std::vector<std::uint32_t>& out) const;

  [[nodiscard]] bool empty() const noexcept { return stretches_.empty(); }
  [[nodiscard]] const extent& all() const noexcept { return all_; }

 private:
  // Up to `longest` neighbours.
  struct stretch {
    std::vector<amounts> has;
    std::vector<std::int64_t> turns;
    std::vector<std::uint32_t> miners;

    void insert(std::size_t at, const placement_rank& r);
    void erase(std::size_t at);
    void append(const stretch& other, std::size_t from);
    void cut(std::size_t at);
    [[nodiscard]] extent measured() const noexcept;
  };
  [[nodiscard]] std::size_t stretch_of(const placement_rank& r) const;
  [[nodiscard]] std::size_t place_in(const stretch& s, const placement_rank& r) const;
  void add(std::size_t i, stretch s);
  void remove(std::size_t i);
  void split(std::size_t i);
  void join_with_next(std::size_t i);
  void measure(std::size_t i);
  void measure_group(std::size_t group);
  void regroup_from(std::size_t i);

  const std::vector<placement_rank>& ranks_;
  std::vector<stretch> stretches_;  // none is empty
  std::vector<extent> extents_;     // of each stretch
  std::vector<extent> groups_;      // of `group_size` stretches each
  extent all_;
};

}  // namespace lode::actors
