// Owners for libomemo-c's objects, and its texts.
#pragma once

#include <omemo/session_builder.h>
#include <omemo/session_cipher.h>
#include <omemo/signal_protocol.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace valise::ctl::selftest {

struct Unref {
  template <class T>
  void operator()(T* object) const noexcept {
    signal_type_unref(reinterpret_cast<signal_type_base*>(object));
  }
};
template <class T>
using Signal = std::unique_ptr<T, Unref>;

template <auto free_function>
struct SignalDelete {
  template <class T>
  void operator()(T* object) const noexcept {
    free_function(object);
  }
};
using Buffer = std::unique_ptr<signal_buffer, SignalDelete<signal_buffer_bzero_free>>;
using Context = std::unique_ptr<signal_context, SignalDelete<signal_context_destroy>>;
using StoreContext =
    std::unique_ptr<signal_protocol_store_context, SignalDelete<signal_protocol_store_context_destroy>>;
using Builder = std::unique_ptr<session_builder, SignalDelete<session_builder_free>>;
using Cipher = std::unique_ptr<session_cipher, SignalDelete<session_cipher_free>>;

// Calls a function of the library that gives its object through its first argument; returns what that says.
template <class Owner, class Function, class... Arguments>
int make(Owner& owner, Function function, Arguments... arguments) {
  typename Owner::pointer object = nullptr;
  const int code = function(&object, arguments...);
  owner.reset(code < 0 ? nullptr : object);
  return code;
}

[[nodiscard]] inline const std::uint8_t* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
[[nodiscard]] inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(data), size);
}
[[nodiscard]] inline std::string text_of(const signal_buffer* buffer) {
  return buffer == nullptr ? std::string() : text_of(signal_buffer_const_data(buffer), signal_buffer_len(buffer));
}
[[nodiscard]] inline signal_buffer* buffer_of(std::string_view text) {
  return signal_buffer_create(bytes_of(text), text.size());
}

}  // namespace valise::ctl::selftest
