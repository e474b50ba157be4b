// Declarations of options: the one place that names an option, its type, unit, bounds, default and reason. The loader,
// the error texts, `valised --check-config` and the reference in docs/ all read them.
//
//   inline const Option<std::int64_t> max_copies{{.name = "carbons.max_copies", .otherwise = 20,
//       .reason = "bounds the work one message can cause", .min = 1, .max = 100}};
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace valise::config {

using Strings = std::vector<std::string>;
using Value = std::variant<bool, std::int64_t, std::string, Strings>;

enum class Unit : std::uint8_t { none, bytes, seconds, microseconds, per_second, per_hour, percent };
enum class Scope : std::uint8_t {
  server,  // one value
  host,    // host["…"].name, and name alone for all hosts that do not say otherwise
};
enum class Reload : std::uint8_t { live, restart };

// Looks at one text (each of a list); returns what is wrong with it, or "".
using Check = std::string (*)(std::string_view);

// What must be so for an option to do anything. `value` empty: that the other one is switched on, that is neither false
// nor 0, empty or "off"; else: that it is this text.
struct Need {
  std::string_view option;
  std::string_view value{};
};

inline constexpr std::int64_t KiB = 1024;
inline constexpr std::int64_t MiB = 1024 * KiB;
inline constexpr std::int64_t GiB = 1024 * MiB;

template <class T>
struct Declaration {
  std::string_view name;  // "group.option", lower case
  T otherwise{};          // the default
  std::string_view reason;
  Unit unit = Unit::none;
  std::int64_t min = 0;  // numbers; for lists the number of entries, for texts the number of bytes
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string_view> allowed;  // texts; empty: any
  Check check = nullptr;
  Scope scope = Scope::server;
  Reload reload = Reload::restart;
  std::vector<Need> needs{};  // one of them; none: it stands for itself. Set in vain, it is warned of (in_vain.cpp)
};

// Options are constants of static storage: registry and snapshots point at them.
class OptionBase {
 public:
  OptionBase(const OptionBase&) = delete;
  OptionBase& operator=(const OptionBase&) = delete;

  std::string_view name;
  std::string_view reason;
  Unit unit;
  std::int64_t min;
  std::int64_t max;
  std::vector<std::string_view> allowed;
  Check check;
  Scope scope;
  Reload reload;
  std::vector<Need> needs;
  Value otherwise;

 protected:
  template <class T>
  OptionBase(const Declaration<T>& d, Value value)
      : name(d.name),
        reason(d.reason),
        unit(d.unit),
        min(d.min),
        max(d.max),
        allowed(d.allowed),
        check(d.check),
        scope(d.scope),
        reload(d.reload),
        needs(d.needs),
        otherwise(std::move(value)) {}
  ~OptionBase() = default;
};

template <class T>
class Option final : public OptionBase {
 public:
  explicit Option(const Declaration<T>& d) : OptionBase(d, Value(std::in_place_type<T>, d.otherwise)) {}
};

// A text that stands for an enumerator.
template <class E>
class Choice final : public OptionBase {
 public:
  using Names = std::vector<std::pair<std::string_view, E>>;
  Choice(Declaration<std::string_view> d, Names names)
      : OptionBase(with_allowed(std::move(d), names), Value(std::in_place_type<std::string>, d.otherwise)),
        names_(std::move(names)) {}
  // `text` is one of `allowed`: the loader lets nothing else in.
  [[nodiscard]] E parse(std::string_view text) const noexcept {
    for (const auto& [name_of, value] : names_) {
      if (name_of == text) return value;
    }
    return names_.front().second;
  }

 private:
  static Declaration<std::string_view> with_allowed(Declaration<std::string_view> d, const Names& names) {
    for (const auto& [name_of, value] : names) d.allowed.push_back(name_of);
    return d;
  }
  Names names_;
};

// "256 KiB", "5 min", "true", `{ "a", "b" }`: for people.
[[nodiscard]] std::string show(const Value& value, Unit unit);
[[nodiscard]] std::string_view unit_name(Unit unit) noexcept;

}  // namespace valise::config
