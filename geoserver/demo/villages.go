package demo

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"wangge/grids"
)

// The published standing at the end of 2022 that the demo follows: 69 % of the villages and 15 of the 18 towns drug-free,
// 36 model units. A town counts here with two thirds of its villages certified.
const (
	certifiedShare = 0.69
	modelUnits     = 36
	goodUnits      = 78 // advanced
	lowTowns       = 3
	townThreshold  = 2.0 / 3
)

// uncertified is how the villages that are not certified are spread over the other statuses.
var uncertified = [...]weighted[grids.Status]{
	{grids.StatusNone, 0.22}, {grids.Declared, 0.14}, {grids.Screening, 0.10}, {grids.Building, 0.24}, {grids.OnSite, 0.09},
	{grids.Expired, 0.11}, {grids.StatusSuspended, 0.06}, {grids.Revoked, 0.04},
}

// writeStatus writes the history of each village up to its standing today. The three units that are no villages (two
// farms and a park) have none.
func writeStatus(w io.Writer, o Options) error {
	r := o.random(statusStream)
	var b strings.Builder
	b.WriteString("id,village_code,status,valid_from,valid_to,synthetic\n")
	id := 0
	for _, v := range standings(r, features[properties]("units_synthetic")) {
		for _, row := range history(r, v.status, o.Today) {
			id++
			to := ""
			if row.to != 0 {
				to = row.to.String()
			}
			fmt.Fprintf(&b, "demo-v%05d,%s,%s,%s,%s,true\n", id, v.code, row.status, row.from, to)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// standing is where a village stands today.
type standing struct {
	code   string
	status grids.Status
}

// standings draws the standing of every village: first which are certified, town by town, then the levels and the
// other statuses by quota.
func standings(r *rand.Rand, units []feature[properties]) []standing {
	var all []standing
	byTown := map[string][]int{} // indices into all
	var towns []string
	for _, u := range units {
		p := u.Properties
		if p.Kind == "虚拟" {
			continue
		}
		if byTown[p.TownCode] == nil {
			towns = append(towns, p.TownCode)
		}
		byTown[p.TownCode] = append(byTown[p.TownCode], len(all))
		all = append(all, standing{code: p.Code})
	}
	var certified, rest []int
	for i, n := range certifiedByTown(r, towns, byTown, int(math.Round(certifiedShare*float64(len(all))))) {
		members := byTown[towns[i]]
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		certified, rest = append(certified, members[:n]...), append(rest, members[n:]...)
	}
	r.Shuffle(len(certified), func(i, j int) { certified[i], certified[j] = certified[j], certified[i] })
	for i, v := range certified {
		switch {
		case i < modelUnits:
			all[v].status = grids.CertifiedModel
		case i < modelUnits+goodUnits:
			all[v].status = grids.CertifiedGood
		default:
			all[v].status = grids.Certified
		}
	}
	r.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	for i, v := range rest {
		all[v].status = at((float64(i)+0.5)/float64(len(rest)), uncertified[:])
	}
	return all
}

// certifiedByTown says how many villages of each town are certified, total in all: about 40 % in the low towns
// (of middle size), above the threshold in the others.
func certifiedByTown(r *rand.Rand, towns []string, byTown map[string][]int, total int) []int {
	size := func(i int) int { return len(byTown[towns[i]]) }
	low := map[int]bool{}
	for _, i := range r.Perm(len(towns)) {
		if size(i) >= 10 && size(i) <= 25 && len(low) < lowTowns {
			low[i] = true
		}
	}
	counts := make([]int, len(towns))
	for i := range towns {
		share := 0.70 + 0.12*r.Float64()
		if low[i] {
			share = 0.35 + 0.1*r.Float64()
		}
		counts[i] = int(math.Round(share * float64(size(i))))
		total -= counts[i]
	}
	for i := 0; total != 0; i = (i + 1) % len(towns) { // round and round, one village at a time
		switch {
		case low[i]:
		case total > 0 && counts[i] < size(i):
			counts[i]++
			total--
		case total < 0 && float64(counts[i]-1) >= townThreshold*float64(size(i)):
			counts[i]--
			total++
		}
	}
	return counts
}

// span is a status over a range of days; to 0 is open.
type span struct {
	status   grids.Status
	from, to grids.Day
}

// path is the way to a status, itself last.
func path(s grids.Status) []grids.Status {
	way := []grids.Status{grids.Declared, grids.Screening, grids.Building, grids.OnSite, grids.Certified}
	if i := slices.Index(way, s); i >= 0 {
		return way[:i+1]
	}
	switch s {
	case grids.StatusNone:
		return []grids.Status{s}
	case grids.Revoked:
		return append(way, grids.StatusSuspended, s)
	}
	return append(way, s)
}

// stay is how many days a village stays in a status before the next: at least, and up to so many more.
func stay(s grids.Status) (least, more int) {
	switch s {
	case grids.Declared, grids.Screening, grids.OnSite:
		return 20, 40
	case grids.Building:
		return 183, 60
	case grids.StatusSuspended:
		return 60, 120
	}
	return 365, 730
}

// history draws the spans that lead to a status held today, without gaps, the last one open or, for some certified
// villages, running out within three years.
func history(r *rand.Rand, s grids.Status, today grids.Day) []span {
	way := path(s)
	least, more := stay(s)
	since := today - grids.Day(r.IntN(least+more/2))
	spans := make([]span, len(way))
	for i := len(way) - 1; i >= 0; i-- {
		spans[i] = span{status: way[i], from: since}
		if i < len(way)-1 {
			spans[i].to = spans[i+1].from - 1
		}
		if i > 0 {
			least, more = stay(way[i-1])
			since -= grids.Day(least + r.IntN(more))
		}
	}
	if last := &spans[len(spans)-1]; s.IsCertified() && r.IntN(3) == 0 {
		last.to = max(last.from+3*365, today+grids.Day(1+r.IntN(90)))
	}
	return spans
}
