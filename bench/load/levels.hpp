#pragma once
// How much load there is when: phases as a curve of straight pieces, of arrivals per second or of busy workers.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lode::bench {

enum class phase_kind { constant, ramp, spike, pause };

/// One part of a run. `from` is the level of a constant phase and the base of a spike, `to` the end of a ramp and the
/// peak of a spike, which is in the middle and lasts `peak_seconds`.
struct phase {
  phase_kind kind = phase_kind::constant;
  double seconds = 1;
  double from = 0;
  double to = 0;
  double peak_seconds = 0;
};
std::string describe(const phase& p);

/// Time counts in seconds from the beginning of the curve.
class level_curve {
 public:
  /// `warmup` seconds at the level with which the first phase begins come before the phases.
  level_curve(const std::vector<phase>& phases, double warmup);

  [[nodiscard]] double seconds() const noexcept { return end_; }
  /// Zero outside of the curve.
  [[nodiscard]] double at(double t) const noexcept;
  /// The highest level.
  [[nodiscard]] double peak() const noexcept;
  /// How much came before `t`: the integral of the level.
  [[nodiscard]] double amount_until(double t) const noexcept;
  /// The time at which that much has come; nothing when it never does.
  [[nodiscard]] std::optional<double> time_of(double amount) const noexcept;
  /// Which phase `t` is in, the warm-up as part of the first; the last one after the end.
  [[nodiscard]] std::size_t phase_at(double t) const noexcept;

 private:
  struct piece {
    double begin = 0;
    double seconds = 0;
    double from = 0;
    double to = 0;
    double before = 0;  ///< amount that came before it
    std::size_t phase = 0;
    [[nodiscard]] double amount(double x) const noexcept;  ///< in its first x seconds
  };
  void append(double seconds, double from, double to, std::size_t of_phase);
  [[nodiscard]] const piece* piece_at(double t) const noexcept;

  std::vector<piece> pieces_;
  double end_ = 0;
};

}  // namespace lode::bench
