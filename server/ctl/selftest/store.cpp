#include "selftest/store.hpp"

#include <new>

#include "base/crypto.hpp"

namespace valise::ctl::selftest {
namespace {

using Rows = Store::Rows;

Rows& rows_of(void* user) { return *static_cast<Rows*>(user); }

Rows::Address key_of(const signal_protocol_address* address) {
  return {std::string(address->name, address->name_len), address->device_id};
}

// 1 and a copy that the library frees, or 0.
template <class Map>
int load(signal_buffer** out, const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  if (found == map.end()) return 0;
  *out = buffer_of(found->second);
  return *out == nullptr ? SG_ERR_NOMEM : 1;
}

int load_session(signal_buffer** record, signal_buffer** /*more*/, const signal_protocol_address* address, void* user) {
  return load(record, rows_of(user).sessions, key_of(address));
}

int sub_device_sessions(signal_int_list** sessions, const char* name, std::size_t size, void* user) {
  auto* list = signal_int_list_alloc();
  if (list == nullptr) return SG_ERR_NOMEM;
  for (const auto& [address, record] : rows_of(user).sessions) {
    if (address.first == std::string_view(name, size)) signal_int_list_push_back(list, address.second);
  }
  *sessions = list;
  return static_cast<int>(signal_int_list_size(list));
}

int store_session(const signal_protocol_address* address, std::uint8_t* record, std::size_t size,
                  std::uint8_t* /*more*/, std::size_t /*more_size*/, void* user) {
  rows_of(user).sessions[key_of(address)] = text_of(record, size);
  return 0;
}

int contains_session(const signal_protocol_address* address, void* user) {
  return rows_of(user).sessions.contains(key_of(address)) ? 1 : 0;
}

int delete_session(const signal_protocol_address* address, void* user) {
  return rows_of(user).sessions.erase(key_of(address)) > 0 ? 1 : 0;
}

int delete_all_sessions(const char* name, std::size_t size, void* user) {
  return static_cast<int>(std::erase_if(
      rows_of(user).sessions, [&](const auto& row) { return row.first.first == std::string_view(name, size); }));
}

int load_key(signal_buffer** record, const std::map<std::uint32_t, std::string>& keys, std::uint32_t id) {
  const int code = load(record, keys, id);
  return code == 1 ? SG_SUCCESS : code == 0 ? SG_ERR_INVALID_KEY_ID : code;
}

int load_prekey(signal_buffer** record, std::uint32_t id, void* user) {
  return load_key(record, rows_of(user).prekeys, id);
}
int store_prekey(std::uint32_t id, std::uint8_t* record, std::size_t size, void* user) {
  rows_of(user).prekeys[id] = text_of(record, size);
  return 0;
}
int contains_prekey(std::uint32_t id, void* user) { return rows_of(user).prekeys.contains(id) ? 1 : 0; }
int remove_prekey(std::uint32_t id, void* user) {
  rows_of(user).prekeys.erase(id);
  return 0;
}

int load_signed_prekey(signal_buffer** record, std::uint32_t id, void* user) {
  return load_key(record, rows_of(user).signed_prekeys, id);
}
int store_signed_prekey(std::uint32_t id, std::uint8_t* record, std::size_t size, void* user) {
  rows_of(user).signed_prekeys[id] = text_of(record, size);
  return 0;
}
int contains_signed_prekey(std::uint32_t id, void* user) { return rows_of(user).signed_prekeys.contains(id) ? 1 : 0; }
int remove_signed_prekey(std::uint32_t id, void* user) {
  rows_of(user).signed_prekeys.erase(id);
  return 0;
}

int identity_key_pair(signal_buffer** public_key, signal_buffer** private_key, void* user) {
  const auto& own = rows_of(user).own;
  *public_key = buffer_of(own.public_key);
  *private_key = buffer_of(own.private_key);
  return *public_key == nullptr || *private_key == nullptr ? SG_ERR_NOMEM : 0;
}

int registration_id(void* user, std::uint32_t* id) {
  *id = rows_of(user).own.registration_id;
  return 0;
}

int save_identity(const signal_protocol_address* address, std::uint8_t* key, std::size_t size, void* user) {
  auto& identities = rows_of(user).identities;
  if (key == nullptr) {
    identities.erase(key_of(address));
  } else {
    identities[key_of(address)] = text_of(key, size);
  }
  return 0;
}

// Whose key is known has that one and no other; it is known from his bundle before he writes.
int is_trusted_identity(const signal_protocol_address* address, std::uint8_t* key, std::size_t size, void* user) {
  const auto& identities = rows_of(user).identities;
  const auto found = identities.find(key_of(address));
  return found == identities.end() || found->second == text_of(key, size) ? 1 : 0;
}

void set_callbacks(signal_protocol_store_context* context, Rows* rows) {
  const signal_protocol_session_store sessions{.load_session_func = &load_session,
                                               .get_sub_device_sessions_func = &sub_device_sessions,
                                               .store_session_func = &store_session,
                                               .contains_session_func = &contains_session,
                                               .delete_session_func = &delete_session,
                                               .delete_all_sessions_func = &delete_all_sessions,
                                               .destroy_func = nullptr,
                                               .user_data = rows};
  const signal_protocol_pre_key_store prekeys{.load_pre_key = &load_prekey,
                                              .store_pre_key = &store_prekey,
                                              .contains_pre_key = &contains_prekey,
                                              .remove_pre_key = &remove_prekey,
                                              .destroy_func = nullptr,
                                              .user_data = rows};
  const signal_protocol_signed_pre_key_store signed_prekeys{.load_signed_pre_key = &load_signed_prekey,
                                                            .store_signed_pre_key = &store_signed_prekey,
                                                            .contains_signed_pre_key = &contains_signed_prekey,
                                                            .remove_signed_pre_key = &remove_signed_prekey,
                                                            .destroy_func = nullptr,
                                                            .user_data = rows};
  const signal_protocol_identity_key_store identities{.get_identity_key_pair = &identity_key_pair,
                                                      .get_local_registration_id = &registration_id,
                                                      .save_identity = &save_identity,
                                                      .is_trusted_identity = &is_trusted_identity,
                                                      .destroy_func = nullptr,
                                                      .user_data = rows};
  signal_protocol_store_context_set_session_store(context, &sessions);
  signal_protocol_store_context_set_pre_key_store(context, &prekeys);
  signal_protocol_store_context_set_signed_pre_key_store(context, &signed_prekeys);
  signal_protocol_store_context_set_identity_key_store(context, &identities);
}

}  // namespace

Store::Store(signal_context* context, Identity own) : rows_{.own = std::move(own)} {
  if (make(context_, &signal_protocol_store_context_create, context) < 0) throw std::bad_alloc();
  set_callbacks(context_.get(), &rows_);
}

Store::~Store() {
  crypto::wipe(rows_.own.private_key);
  for (auto* records : {&rows_.prekeys, &rows_.signed_prekeys}) {
    for (auto& [id, record] : *records) crypto::wipe(record);
  }
  for (auto& [address, record] : rows_.sessions) crypto::wipe(record);
}

}  // namespace valise::ctl::selftest
