// XEP-0060 §7.1: publishing, by the owner, and by those whom a node lets (§4.1, §4.5) where content need not be sealed.
#include <algorithm>

#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "core/record_id.hpp"
#include "modules/pep/denials.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::string_view publish_options = "http://jabber.org/protocol/pubsub#publish-options";

std::string publish_answer(const Publication& done) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", core::ns::pubsub).open("publish").attribute("node", done.node);
  if (done.has_item) writer.open("item").attribute("id", done.item_id).close();
  writer.close().close();
  return out;
}

// XEP-0163 §4.3.1: which of the owner's devices published.
std::string reply_to(const core::Jid& device) {
  std::string out;
  xml::Writer writer(out);
  writer.open("addresses", "http://jabber.org/protocol/address").open("address");
  writer.attribute("type", "replyto").attribute("jid", device.full()).close().close();
  return out;
}

}  // namespace

// The node's configuration, if it meets the options; that of a node to be made so (§7.1.4, §7.1.5). Nothing is made.
std::expected<NodeConfig, core::StanzaError> Pep::config_for(core::Account& account, const std::string& node,
                                                             xml::Element options) const {
  Fields wanted;
  if (options) {
    auto fields = read_form(options.child("x", core::ns::data_forms), publish_options);
    if (fields) {
      wanted = std::move(*fields);
    } else if (!is_forced(classify(node).kind)) {
      return std::unexpected(errors::bad_request("invalid-options"));
    }
  }
  const bool sealed = is_sealed(account);
  if (sealed) std::erase_if(wanted, [](const auto& field) { return is_prose(field.first); });
  if (const auto* state = find(account, node)) {
    if (meets(state->config, node, wanted, limits_)) return state->config;
    return std::unexpected(errors::precondition_not_met());
  }
  if (auto error = no_room_for(account, node)) return std::unexpected(std::move(*error));
  auto config = apply(default_config(node), node, wanted, limits_, sealed);
  if (!config || !meets(*config, node, wanted, limits_)) return std::unexpected(errors::precondition_not_met());
  return std::move(*config);
}

void Pep::refuse(core::IqRequest& request, const Denial& denial) {
  if (!denial.reason.empty()) {
    core::audit::Record record;
    record.kind = core::audit::Kind::denied;
    record.type = core::audit::StanzaType::set;
    record.verdict = core::audit::Outcome::refused;
    record.size = request.stanza().size;
    record.recipient = request.target().str();
    record.stanza_id = core::id_for_record(request.stanza());
    record.reason = denial.reason;
    record.rule = denial.rule;
    record.origin = request.origin();
    shard_.record(std::move(record));
  }
  request.error(denial.error);
}

// The administrator's rules about publications. XEP-0060 §7.1.3 has no condition of its own for it.
std::optional<Denial> Pep::ask_rules(core::Account& account, const core::IqRequest& request,
                                     Publication& wanted) const {
  auto* rules = shard_.service<core::Rules>();
  if (rules == nullptr) return std::nullopt;
  core::RuleQuestion question{.event = core::RuleQuestion::Event::publish,
                              .who = request.from(),
                              .node = wanted.node,
                              .size = request.stanza().size,
                              .language = request.language()};
  if (wanted.list) {
    const auto ids = ids_of(*wanted.list);
    const auto before = devices(account, wanted.name.version);
    question.devices = static_cast<std::uint32_t>(ids.size());
    question.new_devices = static_cast<std::uint32_t>(std::ranges::count_if(
        ids, [&](std::uint32_t id) { return !before || std::ranges::find(*before, id) == before->end(); }));
  }
  std::vector<std::string> tags;
  // Of somebody else's connection nothing is known here.
  if (const auto* sender = request.from_owner() ? account.find(request.from().resource()) : nullptr) {
    tags = sender->tags;
    question.peer_address = sender->peer_address;
    question.mechanism = sender->mechanism;
    question.tls_version = sender->tls_version;
  }
  auto answer = rules->ask(question, tags);
  wanted.needs_approval = answer.needs_approval;
  const auto& denied = answer.refusal;
  if (!denied) return std::nullopt;
  return Denial{std::move(denied->error), std::move(denied->reason), std::move(denied->rule)};
}

void Pep::publish(core::Account& account, core::IqRequest request, Turn turn) {
  const auto pubsub = request.payload();
  const auto element = pubsub.first_element();
  const std::string node(element.attribute_or_empty("node"));
  if (node.empty()) return refuse(request, malformed("nodeid-required"));
  if (node.size() > max_node_name) return request.error(errors::not_acceptable());
  const auto* state = find(account, node);
  if (!request.from_owner()) {  // keys are published by nobody else, and nodes are made by nobody else
    const bool closed = state == nullptr || is_sealed(account) || is_forced(classify(node).kind);
    if (closed || publish_refusal(state->config, requester(account, request.from()))) {
      return request.error(errors::forbidden());
    }
  }
  if (!may_create(account, node)) return refuse(request, not_here(AllowFault::node));
  auto config = config_for(account, node, pubsub.child("publish-options", core::ns::pubsub));
  if (!config) return request.error(config.error());
  auto wanted = read_publication(account, element, *config);
  if (!wanted) return refuse(request, wanted.error());
  if (const auto denied = ask_rules(account, request, *wanted)) return refuse(request, *denied);
  if (state == nullptr) wanted->fresh = std::move(*config);
  if (wanted->bundle) return check_identity(account, std::move(request), std::move(*wanted), std::move(turn));
  check_room(account, std::move(request), std::move(*wanted), std::move(turn));
}

// One device has one identity, whichever version its bundle is of (rule "same id in both namespaces").
void Pep::check_identity(core::Account& account, core::IqRequest request, Publication wanted, Turn turn) {
  const auto other = wanted.name.version == OmemoVersion::legacy ? OmemoVersion::omemo_2 : OmemoVersion::legacy;
  const auto device = wanted.device;
  auto then = [this, jid = account.jid, other, request = std::move(request), wanted = std::move(wanted),
               turn = std::move(turn)](std::optional<omemo_keys::Key> known) mutable {
    auto* owner = shard_.find_account(jid.full());
    if (owner == nullptr) return request.error(core::store_away);
    const auto theirs = known && other == OmemoVersion::omemo_2 ? omemo_keys::montgomery_u(*known) : known;
    if (theirs && theirs != identity_u(*wanted.bundle)) {
      return refuse(request, bad_keys(PayloadFault::identity_differs));
    }
    store_item(*owner, std::move(request), std::move(wanted), std::move(turn));
  };
  // Behind what is being committed: the other bundle may be on its way to the store.
  account.in_order([this, &account, other, device, then = std::move(then)]() mutable {
    identity_key(account, other, device, std::move(then));
  });
}

// A full node that rejects (§7.1.3.4), and items whose time is over (pubsub#item_expire), ask what is there.
void Pep::check_room(core::Account& account, core::IqRequest request, Publication wanted, Turn turn) {
  const auto* state = find(account, wanted.node);
  const bool asks = state != nullptr && state->config.persist &&
                    (state->config.full == NodeFull::reject || state->config.item_expire_s != 0);
  if (!asks) return store_item(account, std::move(request), std::move(wanted), std::move(turn));
  const std::size_t kept = items_kept(state->config, wanted.node, limits_);
  auto names_of = [owner = account.jid.str(), node = wanted.node, kept](storage::Reader& reader) {
    return reader.pep_item_names(owner, node, kept);
  };
  read_behind(account, std::move(names_of),
              [this, jid = account.jid, kept, request = std::move(request), wanted = std::move(wanted),
               turn = std::move(turn)](Result<std::vector<storage::PepItemName>> names) mutable {
                auto* owner = shard_.find_account(jid.full());
                const auto* now = owner == nullptr ? nullptr : find(*owner, wanted.node);
                if (!names || now == nullptr) return request.error(core::store_away);
                std::size_t others = 0;
                for (auto& name : *names) {
                  if (name.id == wanted.item_id) continue;
                  if (is_live(now->config, IdGenerator::utc_ms(name.version), utc_now_ms())) {
                    ++others;
                  } else {
                    wanted.expired.push_back(std::move(name.id));
                  }
                }
                if (now->config.full == NodeFull::reject && others >= kept) {
                  return request.error(errors::of(errors::Type::cancel, "conflict", "node-full"));
                }
                store_item(*owner, std::move(request), std::move(wanted), std::move(turn));
              });
}

void Pep::store_item(core::Account& account, core::IqRequest request, Publication wanted, Turn turn) {
  const auto* state = find(account, wanted.node);
  const bool kept = wanted.fresh ? wanted.fresh->persist : state != nullptr && state->config.persist;
  if (!kept) return store_with(account, std::move(request), std::move(wanted), {});
  NodeChange change{.node = wanted.node, .id = wanted.item_id, .payload = wanted.payload};
  change.needs_approval = wanted.needs_approval;
  if (wanted.list) change.listed = ids_of(*wanted.list);
  if (wanted.bundle) {
    change.keys.emplace(identity_u(*wanted.bundle).value_or(wanted.bundle->identity), wanted.bundle->signed_prekey.key);
  }
  ask_follower(
      account, std::move(request), std::move(change), std::move(turn),
      [this, wanted = std::move(wanted)](core::Account& owner, core::IqRequest asked, OwnChanges changes) mutable {
        for (auto& item : changes.items) {
          if (item.node == wanted.node && item.id == wanted.item_id && item.payload) {
            if (wanted.list)
              wanted.list = stored_device_list(*item.payload, wanted.name.version).value_or(DeviceList());
            wanted.payload = std::move(*item.payload);
          }
        }
        std::erase_if(changes.items,
                      [&](const ItemChange& item) { return item.node == wanted.node && item.id == wanted.item_id; });
        store_with(owner, std::move(asked), std::move(wanted), std::move(changes));
      });
}

// With what follows from it, which comes first: the item is the newest of its node.
void Pep::store_with(core::Account& account, core::IqRequest request, Publication wanted, OwnChanges changes) {
  if (wanted.fresh) created(account, wanted.node, std::move(*wanted.fresh));
  const auto* state = find(account, wanted.node);
  if (state == nullptr) return request.error(core::store_away);  // reloaded meanwhile
  std::vector<storage::Write> writes;
  auto told = carry_out(account, changes, request.from().full(), writes);
  if (!told) return request.error(told.error());
  save(account, wanted.node, writes);
  for (auto& id : wanted.expired) {
    writes.emplace_back(storage::RemovePepItem{account.jid.str(), wanted.node, std::move(id)});
  }
  if (state->config.persist) {
    storage::PepItem item{
        .node = wanted.node, .id = wanted.item_id, .publisher = request.from().str(), .payload = wanted.payload};
    writes.emplace_back(
        storage::PutPepItem{account.jid.str(), std::move(item), items_kept(state->config, wanted.node, limits_)});
  }
  auto record = std::exchange(changes.record, std::nullopt);
  commit(
      account, std::move(request), std::move(writes),
      [this, wanted = std::move(wanted), told = std::move(*told), changes = std::move(changes)](
          core::Account& owner, core::IqRequest& answered) mutable {
        published(owner, answered, std::move(wanted), changes.untold);
        own_changes_done(owner, std::move(told), changes);
      },
      std::move(record));
}

// The item is durable.
void Pep::published(core::Account& account, core::IqRequest& request, Publication done, bool untold) {
  auto& state = part(account);
  auto* saved = find(account, done.node);
  if (saved != nullptr) saved->unsaved = false;
  const auto publisher = request.from();
  const bool by_owner = request.from_owner();
  request.result(publish_answer(done));
  if (done.list) {
    ListChange list{.version = done.name.version,
                    .item_id = std::move(done.item_id),
                    .payload = std::move(done.payload),
                    .ids = ids_of(*done.list)};
    return list_changed(account, std::move(list), untold);
  }
  if (done.bundle) state.remember_identity(done.name.version, done.device, done.bundle->identity);
  if (untold) return;
  if (saved != nullptr) {
    News news{.event = item_event(saved->config, done.node, done.item_id, publisher.full(), done.payload)};
    if (by_owner) news.addresses = reply_to(publisher);
    tell(account, done.node, std::move(news));
  }
  if (done.bundle) bundle_came(account, done.name.version, done.device);
}

}  // namespace valise::modules::pep
