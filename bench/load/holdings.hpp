#pragma once
// Which worker holds which miner, from the replies alone: finds what a right daemon never answers.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace lode::bench {

/// A miner counts as held from the allocate reply until the deallocate request is sent: from then on the daemon may
/// have given it to the next, whose reply may be read first.
class holdings {
 public:
  /// Worker `worker` was answered that it has `hotkey`. The text says what is wrong with that, empty: nothing.
  std::string granted(unsigned worker, std::string_view hotkey, std::string_view uuid);
  /// `worker` is about to send the deallocate request.
  void releasing(unsigned worker, std::string_view hotkey);
  /// The deallocate request of `worker` was confirmed.
  void released(unsigned worker, std::string_view hotkey);

  /// Miners that were granted and whose release is not confirmed.
  [[nodiscard]] std::size_t open() const noexcept { return open_; }

 private:
  enum class state { held, releasing, free };
  struct holding {
    unsigned worker = 0;
    state now = state::free;
    std::string uuid;  // of the latest allocation
  };
  std::map<std::string, holding, std::less<>> of_;
  std::size_t open_ = 0;
};

}  // namespace lode::bench
