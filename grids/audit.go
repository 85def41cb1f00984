package grids

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// AuditRow is a link of the audit log of a district: who did or saw what. Its hash is over that of the link before it, so that no
// link can be altered, taken out or put elsewhere without all later hashes becoming others.
type AuditRow struct {
	Seq                      int64 // from 1, without gaps
	ID                       ID
	At                       time.Time
	Actor, Role, Way         string
	Action, Subject          string
	Purpose, Behind, Address string          // Behind is the administrator who looked as somebody else
	Detail                   json.RawMessage // as PostgreSQL writes jsonb
	Hash                     []byte          // 32 bytes
}

// AuditActions are all that the audit log can say was done, in the order of a person's day. A row of another action is refused.
var AuditActions = [...]string{
	"sign-in", "sign-in-refused", "sign-out", "sign-out-everywhere", "end-session", "set-purpose", "view-as", "end-view-as", // coming and going
	"look-exact", "look-audit", "export", "export-audit", "refused", // looking
	"analyse", "cancel-analysis", // computing
	"mark", "withdraw", "import", // changing
	"add-account", "enable-account", "disable-account", "grant", "revoke", "change-password", "reset-password", "rehash-password", "link-identity",
	"make-token", "revoke-token",
}

// AuditQuery chooses links; a field that is zero chooses all.
type AuditQuery struct {
	From, To               time.Time // From is included, To is not
	Actor, Action, Subject string
	Before                 int64 // only links with a smaller Seq: the page after one that ended there
	Limit                  int   // 0 for 100, at most 1000
}

// AuditStart is the hash before the first link: 32 zero bytes.
var AuditStart = make([]byte, sha256.Size)

// HashAfter is the hash that the link must have after one with the hash prev: SHA-256 over prev and then, in a fixed order, the
// fields, each as its length in octets (decimal), a colon, and its UTF-8 text. Instants are Unix microseconds.
func (r *AuditRow) HashAfter(prev []byte, district DistrictID) []byte {
	h := sha256.New()
	h.Write(prev)
	for _, field := range [...]string{
		strconv.Itoa(int(district)), strconv.FormatInt(r.Seq, 10), r.ID.String(), strconv.FormatInt(r.At.UnixMicro(), 10), r.Actor, r.Role, r.Way,
		r.Action, r.Subject, r.Purpose, r.Behind, r.Address, string(r.Detail),
	} {
		fmt.Fprintf(h, "%d:%s", len(field), field)
	}
	return h.Sum(nil)
}

// AuditHead is where the chain of a district ended at a time. Kept outside of the database, it shows a tail that was cut off or
// made anew.
type AuditHead struct {
	District DistrictID
	Seq      int64
	Hash     []byte
	At       time.Time
}

// String is the head as a line of the file of heads: district, seq, hash, time.
func (h AuditHead) String() string {
	return fmt.Sprintf("%d %d %x %s", h.District, h.Seq, h.Hash, h.At.UTC().Format(time.RFC3339))
}

// ParseAuditHeads reads lines that [AuditHead.String] wrote. The error is Invalid and names the line.
func ParseAuditHeads(from io.Reader) (heads []AuditHead, err error) {
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		var h AuditHead
		var hash, at string
		_, err := fmt.Sscanf(lines.Text(), "%d %d %s %s", &h.District, &h.Seq, &hash, &at)
		if err == nil {
			h.Hash, err = hex.DecodeString(hash)
		}
		if err == nil {
			h.At, err = time.Parse(time.RFC3339, at)
		}
		if err != nil || len(h.Hash) != sha256.Size || h.Seq < 0 {
			return nil, Hide(Invalid, err, "line %d of the file of heads is not one: it looks like 310151 12 <64 hexadecimal digits> 2026-05-01T08:00:00Z", n)
		}
		heads = append(heads, h)
	}
	if err := lines.Err(); err != nil {
		return nil, Hide(Invalid, err, "the file of heads cannot be read")
	}
	return heads, nil
}

// AuditDamage is what is wrong with a chain at some place.
type AuditDamage string

// The kinds of damage.
const (
	AuditAltered AuditDamage = "altered" // the link does not have the hash of what it says, or not after the link before it
	AuditMissing AuditDamage = "missing" // links before this one are gone
	AuditAnew    AuditDamage = "anew"    // the link has another hash than the file of heads says: the chain was made anew
	AuditCutOff  AuditDamage = "cut off" // the chain ended at this link once, and ends before it now
)

// AuditFlaw is one damage. Seq is the link that shows it.
type AuditFlaw struct {
	Seq    int64
	Damage AuditDamage
}

// Message is the flaw as a sentence for a person.
func (f AuditFlaw) Message() Text {
	text := func(zh, en string) Text { return Text{fmt.Sprintf(zh, f.Seq), fmt.Sprintf(en, f.Seq)} }
	switch f.Damage {
	case AuditMissing:
		return text("第 %d 条之前有记录缺失", "rows before row %d are missing")
	case AuditAnew:
		return text("第 %d 条与留存的校验值不符，链条被重做", "row %d does not have the hash that was kept of it: the chain was made anew")
	case AuditCutOff:
		return text("链条曾到第 %d 条，其后部已被删除", "the chain once reached row %d; its end was cut off")
	}
	return text("第 %d 条被改动", "row %d was altered, or put elsewhere")
}

// maxAuditFlaws is how many flaws a verdict tells.
const maxAuditFlaws = 100

// AuditVerdict is what a walk along a chain found. It is made by [NewAuditVerdict] and fed by Link, one link after the
// other, then End. Not safe for concurrent use.
type AuditVerdict struct {
	District DistrictID
	Rows     int64       // links seen
	Whole    int64       // links that are as they were made
	Flaws    []AuditFlaw // at most 100
	Head     AuditHead   // the last link

	heads map[int64][][]byte // hashes kept, by seq, not met yet
}

// flaw notes a damage.
func (v *AuditVerdict) flaw(seq int64, damage AuditDamage) {
	if len(v.Flaws) < maxAuditFlaws {
		v.Flaws = append(v.Flaws, AuditFlaw{seq, damage})
	}
}

// NewAuditVerdict begins a walk along the chain of a district, to be held against heads that were kept; those of other districts,
// and of chains without a link, say nothing.
func NewAuditVerdict(district DistrictID, heads []AuditHead) *AuditVerdict {
	v := &AuditVerdict{District: district, Head: AuditHead{District: district, Hash: AuditStart}, heads: map[int64][][]byte{}}
	for _, h := range heads {
		if h.District == district && h.Seq > 0 {
			v.heads[h.Seq] = append(v.heads[h.Seq], h.Hash)
		}
	}
	return v
}

// Link takes the next link, in the order of Seq, with the hash that it says comes before it.
func (v *AuditVerdict) Link(r *AuditRow, prev []byte) {
	v.Rows++
	whole := bytes.Equal(r.Hash, r.HashAfter(prev, v.District))
	gap := r.Seq != v.Head.Seq+1
	switch {
	case gap:
		v.flaw(r.Seq, AuditMissing)
		if !whole {
			v.flaw(r.Seq, AuditAltered)
		}
	case !whole || !bytes.Equal(prev, v.Head.Hash):
		whole = false
		v.flaw(r.Seq, AuditAltered)
	}
	for _, kept := range v.heads[r.Seq] {
		if !bytes.Equal(kept, r.Hash) {
			whole = false
			v.flaw(r.Seq, AuditAnew)
			break
		}
	}
	delete(v.heads, r.Seq)
	if whole {
		v.Whole++
	}
	v.Head.Seq, v.Head.Hash, v.Head.At = r.Seq, r.Hash, r.At
}

// End ends the walk: the heads that were not met, and what the database says is its head, lie beyond the end or in a gap.
func (v *AuditVerdict) End(head AuditHead) {
	last := max(head.Seq, v.Head.Seq)
	for seq := range v.heads {
		last = max(last, seq)
	}
	v.heads = nil
	switch {
	case last > v.Head.Seq:
		v.flaw(last, AuditCutOff)
	case head.Seq != v.Head.Seq || !bytes.Equal(head.Hash, v.Head.Hash):
		v.flaw(v.Head.Seq, AuditAnew)
	}
}
