// A JID that parses is a fixed point, its parts fit together and keep their bounds.
#include "core/jid/domain.hpp"
#include "core/jid/jid.hpp"
#include "fuzz/check.hpp"

using fuzz::check;
using valise::core::Jid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto jid = Jid::parse(text);
  if (!jid) return 0;
  const auto again = Jid::parse(jid->full());
  check(again.has_value());
  check(*again == *jid && again->bare() == jid->bare() && again->domain() == jid->domain());
  const auto made = Jid::make(jid->local(), jid->domain(), jid->resource());
  check(made && *made == *jid);
  check(!jid->domain().empty() && jid->domain().size() <= Jid::max_part);
  check(jid->local().size() <= Jid::max_part && jid->resource().size() <= Jid::max_part);
  check(jid->local().find_first_of("@/ \"&':<>") == std::string_view::npos);
  check(jid->domain().find_first_of("@/ ") == std::string_view::npos);
  check(jid->full().find('\0') == std::string_view::npos);
  if (!jid->domain().starts_with('[')) {  // the DNS form names the same domain
    const auto ascii = Jid::parse(valise::core::ascii_domain(jid->domain()));
    check(ascii ? ascii->domain() == jid->domain() : jid->domain().size() > 250);
  }
  check(jid->is_bare() || jid->to_bare().with_resource(jid->resource()) == *jid);
  return 0;
}
