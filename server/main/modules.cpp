// The list of all features: the one place that knows them all.
#include "main/modules.hpp"

#include "modules/administration/administration.hpp"
#include "modules/archive/archive.hpp"
#include "modules/avatars/avatars.hpp"
#include "modules/blocking/blocking.hpp"
#include "modules/bookmarks/bookmarks.hpp"
#include "modules/caps/caps.hpp"
#include "modules/carbons/carbons.hpp"
#include "modules/clients/clients.hpp"
#include "modules/commands/commands.hpp"
#include "modules/csi/csi.hpp"
#include "modules/delay/delay.hpp"
#include "modules/disco/disco.hpp"
#include "modules/displayed/displayed.hpp"
#include "modules/external_services/external_services.hpp"
#include "modules/host_meta/host_meta.hpp"
#include "modules/invitation_page/invitation_page.hpp"
#include "modules/invitations/invitations.hpp"
#include "modules/labels/labels.hpp"
#include "modules/last_activity/last_activity.hpp"
#include "modules/limits/limits.hpp"
#include "modules/offline/offline.hpp"
#include "modules/omemo/omemo.hpp"
#include "modules/omemo_devices/omemo_devices.hpp"
#include "modules/pep/pep.hpp"
#include "modules/ping/ping.hpp"
#include "modules/policy/policy.hpp"
#include "modules/presence/presence.hpp"
#include "modules/private_storage/private_storage.hpp"
#include "modules/push/push.hpp"
#include "modules/registration/registration.hpp"
#include "modules/reports/reports.hpp"
#include "modules/roster/roster.hpp"
#include "modules/time/time.hpp"
#include "modules/unified_push/unified_push.hpp"
#include "modules/vcard/vcard.hpp"
#include "modules/version/version.hpp"

namespace valise {

std::vector<const core::Manifest*> all_modules() {
  using namespace modules;
  return {&roster_manifest(),
          &presence_manifest(),
          &offline_manifest(),
          &delay_manifest(),
          &omemo_manifest(),
          &policy_manifest(),
          &caps_manifest(),
          &pep_manifest(),
          &disco_manifest(),
          &ping_manifest(),
          &registration_manifest(),
          &version_manifest(),
          &time_manifest(),
          &limits_manifest(),
          &last_activity_manifest(),
          &blocking_manifest(),
          &vcard_manifest(),
          &private_storage_manifest(),
          &archive_manifest(),
          &carbons_manifest(),
          &csi_manifest(),
          &bookmarks_manifest(),
          &avatars_manifest(),
          &displayed_manifest(),
          &external_services_manifest(),
          &reports_manifest(),
          &host_meta_manifest(),
          &clients_manifest(),
          &push_manifest(),
          &unified_push_manifest(),
          &commands_manifest(),
          &administration_manifest(),
          &omemo_devices_manifest(),
          &invitations_manifest(),
          &invitation_page_manifest(),
          &labels_manifest()};
}

config::Findings check_modules(const config::Snapshot& config) {
  config::Findings findings(config);
  for (const auto* manifest : all_modules()) {
    if (manifest->check != nullptr) manifest->check(config, findings);
  }
  return findings;
}

}  // namespace valise
