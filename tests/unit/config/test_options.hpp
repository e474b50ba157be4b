#pragma once

#include "config/load.hpp"

namespace valise::config::test {

inline const Option<bool> flag{{.name = "flag", .otherwise = false, .reason = "r"}};
inline const Option<std::int64_t> size{
    {.name = "limits.stanza", .otherwise = 256 * KiB, .reason = "r", .unit = Unit::bytes, .min = 10'240, .max = MiB}};
inline const Option<std::int64_t> login{{.name = "timeouts.login",
                                         .otherwise = 60,
                                         .reason = "r",
                                         .unit = Unit::seconds,
                                         .min = 1,
                                         .max = 600,
                                         .reload = Reload::live}};
inline const Option<std::string> certificate{{.name = "tls.certificate", .reason = "r", .scope = Scope::host}};
inline const Option<Strings> listen{{.name = "listen.c2s", .otherwise = {"*:5222"}, .reason = "r", .max = 3}};
enum class Mode : std::uint8_t { required, off };
inline const Choice<Mode> mode{{.name = "sealed.mode", .otherwise = "required", .reason = "r", .scope = Scope::host},
                               {{"required", Mode::required}, {"off", Mode::off}}};

inline Registry registry() {
  Registry made;
  for (const OptionBase* option : {static_cast<const OptionBase*>(&flag), static_cast<const OptionBase*>(&size),
                                   static_cast<const OptionBase*>(&login), static_cast<const OptionBase*>(&certificate),
                                   static_cast<const OptionBase*>(&listen), static_cast<const OptionBase*>(&mode)}) {
    made.add(*option);
  }
  return made;
}

inline LoadResult load(std::string_view source) {
  static const Registry all = registry();
  return load_text(source, "conf/valise.lua", all);
}

// All messages, one a line; "" when it loads.
inline std::string errors(std::string_view source) {
  const auto loaded = load(source);
  std::string out;
  if (!loaded) {
    for (const auto& error : loaded.error()) out += error.message() + "\n";
  }
  return out;
}

}  // namespace valise::config::test
