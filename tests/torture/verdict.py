"""Whether what many devices were promised holds: each archive against what was written, each device against its archive."""

from collections import Counter, defaultdict

import _path  # noqa: F401

PAGE = 250


class Verdict:
    def __init__(self, world):
        self.world = world
        self.archives = {}   # bare JID -> [(message's id, stanza-id)] in order

    async def is_spoken(self):
        world = self.world
        for phone in world.phones:
            await phone.catches_up()  # as a client does whenever it comes back
        for phone in world.phones[::2]:
            self.archives[phone.bare] = await self._reads_all(phone)
        self._all_is_archived_once()
        for bare, archive in self.archives.items():
            self._is_in_order(bare, [identity for identity, _ in archive])
        for phone in world.phones:
            self._knows_its_archive(phone)
        await world.town.audit_is_sound()
        await self._is_recorded()
        self._everything_was_tried()

    @staticmethod
    async def _reads_all(phone):
        archive, after = [], None
        while True:
            page = await phone.asks_archive(after, PAGE)
            archive += zip(page.words, page.ids)
            if page.complete:
                return archive
            after = page.last

    def _all_is_archived_once(self):
        """Once for who wrote it, once for whom it is, under one stanza-id; nothing else."""
        expected, marks = defaultdict(set), {}
        for letter in self.world.letters.values():
            if not letter.is_acknowledged:
                self.world.fault(f"{letter.identity} was never acknowledged", letter.identity)
            for bare in (letter.device.bare, letter.to.bare):
                expected[bare].add(letter.identity)
        for bare, archive in self.archives.items():
            times = Counter(identity for identity, _ in archive)
            for identity in sorted(expected[bare] - set(times)):
                self.world.fault(f"acknowledged and not in the archive of {bare}: {identity}", identity)
            for identity in sorted(set(times) - expected[bare]):
                self.world.fault(f"not for the archive of {bare}: {identity}", identity)
            for identity, count in times.items():
                if count > 1:
                    self.world.fault(f"{count} times in the archive of {bare}: {identity}", identity)
            if len({mark for _, mark in archive}) != len(archive):
                self.world.fault(f"stanza-ids stand twice in the archive of {bare}")
            for identity, mark in archive:
                if marks.setdefault(identity, mark) != mark:
                    self.world.fault(f"{identity} is {marks[identity]} and {mark} in two archives", identity)

    def _is_in_order(self, bare, identities):
        newest = {}
        for identity in identities:
            letter = self.world.letters[identity]
            pair = letter.device, letter.to
            if letter.number < newest.get(pair, 0):
                self.world.fault(f"{identity} stands behind number {newest[pair]} in the archive of {bare}", identity)
            newest[pair] = letter.number

    def _knows_its_archive(self, phone):
        """All of it, nothing else; what it knows by stanza-id in the archive's order."""
        archive = dict(self.archives[phone.bare])
        for identity in sorted(set(archive) - set(phone.known)):
            self.world.fault(f"{phone.name} does not know {identity}", identity)
        for identity in sorted(set(phone.known) - set(archive)):
            self.world.fault(f"{phone.name} alone knows {identity}", identity)
        for identity, mark in phone.known.items():
            if mark is None and self.world.letters[identity].device is not phone or mark not in (None, archive.get(identity)):
                self.world.fault(f"{phone.name} knows {identity} as {mark}, its archive as {archive.get(identity)}", identity)
        told = {identity: int(mark) for identity, mark in phone.known.items() if mark}
        if sorted(told, key=told.get) != [identity for identity in archive if identity in told]:
            self.world.fault(f"{phone.name} has another order than its archive")

    async def _is_recorded(self):
        """In the log, whatever was killed when; what was sent again has a record of that, too."""
        recorded = {record.get("stanza") for record in await self.world.town.records()
                    if record["kind"] in ("message", "recovered")}
        for identity in sorted(set(self.world.letters) - recorded):
            self.world.fault(f"{identity} has no record", identity)

    def _everything_was_tried(self):
        """A run in which nothing was resumed or sent again shows nothing."""
        for what in ("resumed", "not resumed", "sent again", "cuts", "airplanes", "goodbyes", "learned by archive",
                     "learned by itself", "learned by received", "learned by sent"):
            if not self.world.counts[what]:
                self.world.fault(f"this run shows nothing: never {what}")
