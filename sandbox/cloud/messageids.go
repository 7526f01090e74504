package cloud

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// messageIDs makes up message ids: random UUIDs, which depend on the seed alone.
type messageIDs struct{ random *rand.ChaCha8 }

// SeedMessageIDs says what the ids of the account's messages are drawn from. Those of
// an account that was never seeded are the same in each run.
func (a *Account) SeedMessageIDs(seed [32]byte) { a.ids = &messageIDs{rand.NewChaCha8(seed)} }

// next is a UUID of version 4, which no other message of the account has.
func (ids *messageIDs) next() string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], ids.random.Uint64())
	binary.BigEndian.PutUint64(id[8:], ids.random.Uint64())
	id[6] = id[6]&0x0f | 4<<4    // the version
	id[8] = id[8]&0x3f | 0b10<<6 // the variant of RFC 9562
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
