// What can go wrong and is nobody's programming mistake: returned, never thrown.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace valise {

enum class ErrorCode : std::uint8_t {
  invalid,      // the input breaks a rule; text says which
  not_found,    // no such account, file, row …
  conflict,     // exists already, or a precondition does not hold
  limit,        // a documented bound was reached
  denied,       // not allowed
  unavailable,  // a store, peer or disk is away: may work later
  corrupt,      // stored data does not verify
  pending,      // taken, but whether it will be done is not known yet
  internal,     // a library failed in a way that nobody caused
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string text;  // English, one line, for the log and the administrator; never user content
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string text) {
  return std::unexpected(Error{code, std::move(text)});
}

}  // namespace valise
