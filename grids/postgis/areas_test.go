package postgis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"wangge/grids"
)

const west, east = grids.Code("310151101000"), grids.Code("310151102000")

var (
	inWest = orb.Point{121.405, 31.605}
	inEast = orb.Point{121.415, 31.605}
)

// twoTowns is a store with a town in the west and one in the east, a grid each.
func twoTowns(t testing.TB) *Store {
	t.Helper()
	s := open(t)
	left, right := box(121.4, 31.6, 121.41, 31.62), box(121.41, 31.6, 121.42, 31.62)
	store(t, s, grids.LevelDistrict, []grids.Area{{Code: "310151000000", Name: "区", Geometry: box(121.4, 31.6, 121.42, 31.62)}})
	store(t, s, grids.LevelTowns, []grids.Area{{Code: west, Name: "西", Geometry: left}, {Code: east, Name: "东", Geometry: right}})
	store(t, s, grids.LevelGrids, []grids.Area{{Code: "W", TownCode: west, Name: "西", Geometry: left}, {Code: "E", TownCode: east, Name: "东", Geometry: right}})
	return s
}

// actor is an account with a role in areas.
func actor(n byte, role grids.Role, areas ...grids.Scope) grids.Actor {
	a := grids.Actor{ID: grids.ID{0: 0xac, 15: n}, Name: fmt.Sprint(role, n), Way: grids.BySession}
	for _, s := range areas {
		a.Grants = append(a.Grants, grids.Grant{Role: role, Scope: s})
	}
	return a
}

func town(code grids.Code) grids.Scope { return grids.Scope{Level: grids.LevelTowns, Code: code} }

var wholeDistrict = grids.Scope{Level: grids.LevelDistrict}

func TestAnActorSeesItsAreas(t *testing.T) {
	s := twoTowns(t)
	for n, p := range []orb.Point{inWest, inEast} {
		if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(byte(n), p)); err != nil {
			t.Fatal(err)
		}
	}
	theWest, theEast := mark(0, inWest).ID, mark(1, inEast).ID
	for _, c := range []struct {
		name       string
		actor      grids.Actor
		west, east grids.Kind // Internal for seen
	}{
		{"operator", grids.Operator, 0, 0},
		{"commander", actor(1, grids.Commander, wholeDistrict), 0, 0},
		{"patrol of the west", actor(1, grids.Patrol, town(west)), 0, grids.NotFound},
		{"patrol of both", actor(1, grids.Patrol, town(west), town(east)), 0, 0},
		{"patrol of a grid", actor(1, grids.Patrol, grids.Scope{Level: grids.LevelGrids, Code: "E"}), grids.NotFound, 0},
		{"officer of a village", actor(1, grids.VillageOfficer, grids.Scope{Level: grids.LevelVillages, Code: "310151101001"}), grids.NotFound, grids.NotFound},
		{"a grid whose code looks like two areas", actor(1, grids.Patrol, grids.Scope{Level: grids.LevelGrids, Code: "x\ntowns:" + west}), grids.NotFound, grids.NotFound},
		{"volunteer", actor(1, grids.Volunteer, wholeDistrict), grids.Forbidden, grids.Forbidden},
		{"nobody", grids.Actor{}, grids.Forbidden, grids.Forbidden},
	} {
		for id, want := range map[grids.ID]grids.Kind{theWest: c.west, theEast: c.east} {
			f, err := s.Finding(t.Context(), c.actor, id)
			if grids.KindOf(err) != want || (err == nil) != (want == 0) || (f.ID == id) != (want == 0) {
				t.Errorf("%s: %v, %v, want %v", c.name, f.ID, err, want)
			}
		}
	}
	for name, a := range map[string]grids.Actor{"patrol": actor(1, grids.Patrol, wholeDistrict), "nobody": {}} {
		if _, err := s.Batches(t.Context(), a, 9); grids.KindOf(err) != grids.Forbidden {
			t.Errorf("%s lists imports: %v", name, err)
		}
		if _, err := s.CheckTerritory(t.Context(), a, grids.DrugControl, 10); grids.KindOf(err) != grids.Forbidden {
			t.Errorf("%s checks the territory: %v", name, err)
		}
		if _, err := s.ImportFindings(t.Context(), a, &grids.Batch{}, seq(mark(9, inWest)), fine); grids.KindOf(err) != grids.Forbidden {
			t.Errorf("%s imports: %v", name, err)
		}
		if _, err := s.Audit(t.Context(), a, grids.AuditQuery{}); grids.KindOf(err) != grids.Forbidden {
			t.Errorf("%s reads the audit log: %v", name, err)
		}
	}
	if list, err := s.Batches(t.Context(), actor(1, grids.GridAdmin, wholeDistrict), 9); err != nil || len(list) != 3 {
		t.Errorf("the grid administrator sees %d imports, %v", len(list), err)
	}
}

func TestAMarkStaysInItsArea(t *testing.T) {
	s := twoTowns(t)
	patrol, other := actor(1, grids.Patrol, town(west)), actor(2, grids.Patrol, town(west))
	if f, created, _, err := s.Mark(t.Context(), patrol, mark(1, inWest)); err != nil || !created || f.TownCode != west {
		t.Fatalf("%+v, %v", f, err)
	}
	_, _, _, err := s.Mark(t.Context(), patrol, mark(2, inEast))
	if grids.KindOf(err) != grids.Forbidden || !strings.Contains(err.Error(), east) || !strings.Contains(err.Error(), west) || !strings.Contains(err.Error(), "system administrator") {
		t.Errorf("in another town: %v", err)
	}
	if _, _, _, err := s.Mark(t.Context(), patrol, mark(3, orb.Point{100, 10})); grids.KindOf(err) != grids.Invalid {
		t.Errorf("outside the district: %v", err)
	}
	if _, _, _, err := s.Mark(t.Context(), actor(3, grids.Reviewer, town(west)), mark(3, inWest)); grids.KindOf(err) != grids.Forbidden {
		t.Errorf("a reviewer marks: %v", err)
	}
	if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(4, inEast)); err != nil {
		t.Fatal(err)
	}
	again := mark(4, inWest)
	if _, _, _, err := s.Mark(t.Context(), patrol, again); grids.KindOf(err) != grids.Conflict {
		t.Errorf("the id of a finding elsewhere: %v", err)
	}
	// without the policy it is refused all the same, and without the check in Go by the policy
	if err := refuseMark(patrol, grids.Place{Town: east}); grids.KindOf(err) != grids.Forbidden {
		t.Error(err)
	}
	if _, err := owning(t, s).Exec(t.Context(), `create policy lax on finding using (true)`); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.Mark(t.Context(), patrol, mark(5, inEast)); grids.KindOf(err) != grids.Forbidden {
		t.Errorf("with a lax policy: %v", err)
	}
	if _, err := owning(t, s).Exec(t.Context(), `drop policy lax on finding`); err != nil {
		t.Fatal(err)
	}
	sc, _ := scopeOf(patrol, grids.Mark)
	err = s.write(t.Context(), &change{scope: sc}, nil, func(tx pgx.Tx) (bool, error) {
		_, err := tx.Exec(t.Context(), `insert into finding (district_id, finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, area_m2, geom, content_hash, actor, synthetic)
			values ($1, gen_random_uuid(), 'cannabis', 1, 'spotted', 'foot', now(), $2, '', '', 0, `+here+`, '', 'a', true)`, s.District(), east)
		return true, err
	})
	if !notAllowed(err) {
		t.Errorf("the policy let it pass: %v", err)
	}
	if n := count(t, s, `select count(*) from finding`); n != 2 {
		t.Errorf("%d findings, want 2", n)
	}
	token := patrol
	token.Limits = []grids.Right{grids.LookExact}
	reviewer := actor(5, grids.Reviewer, town(west))
	tokenOfReviewer := reviewer
	tokenOfReviewer.Limits = []grids.Right{grids.LookExact}
	for _, c := range []struct {
		name  string
		actor grids.Actor
		id    grids.ID
		want  grids.Kind
	}{
		{"another patrol", other, mark(1, inWest).ID, grids.Forbidden},
		{"the duty of the town", actor(4, grids.TownDuty, town(west)), mark(1, inWest).ID, grids.Forbidden},
		{"a token that may not mark", token, mark(1, inWest).ID, grids.Forbidden},
		{"a reviewer's token that only looks", tokenOfReviewer, mark(1, inWest).ID, grids.Forbidden},
		{"a reviewer elsewhere", actor(5, grids.Reviewer, town(east)), mark(1, inWest).ID, grids.NotFound},
		{"the reviewer, elsewhere", reviewer, mark(4, inEast).ID, grids.NotFound},
		{"an auditor", actor(6, grids.Auditor, wholeDistrict), mark(1, inWest).ID, grids.Forbidden},
		{"who marked it", patrol, mark(1, inWest).ID, 0},
		{"a commander", actor(7, grids.Commander, wholeDistrict), mark(4, inEast).ID, 0},
	} {
		if _, _, err := s.Withdraw(t.Context(), c.actor, c.id); grids.KindOf(err) != c.want || (err == nil) != (c.want == 0) {
			t.Errorf("%s withdraws: %v, want %v", c.name, err, c.want)
		}
	}
	if _, _, _, err := s.Mark(t.Context(), patrol, mark(6, inWest)); err != nil {
		t.Fatal(err)
	}
	if f, _, err := s.Withdraw(t.Context(), reviewer, mark(6, inWest).ID); err != nil || f.State != grids.Dismissed {
		t.Errorf("the reviewer withdraws: %v, %v", f.State, err)
	}
}

// After a transaction the settings say nothing, and nothing is seen.
func TestOutsideOfATransactionNothingIsSeen(t *testing.T) {
	s := twoTowns(t)
	if _, err := s.ImportCasework(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID()}, seq(event(1, &inWest, "")), fine); err != nil {
		t.Fatal(err)
	}
	st, err := s.ImportVillageStatuses(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID()}, seq(grids.VillageStatus{ID: grids.ID{1}, VillageCode: "310151101001", Status: grids.Certified}), fine)
	if err != nil || st.Inserted != 1 {
		t.Fatal(err)
	}
	survey := grids.SurveyResult{ID: grids.ID{1}, GridCode: "W", Round: "1"}
	if _, err := s.ImportSurveys(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID()}, seq(survey), fine); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(1, inWest)); err != nil {
		t.Fatal(err)
	}
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	guarded := []string{"casework_event", "finding", "village_status", "survey_result", "import_batch", "outbox", "audit"}
	rows := func(sc *scope, table string) (n int) {
		err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			b := new(pgx.Batch)
			if sc != nil {
				s.queueScope(b, *sc)
			}
			b.Queue(`select count(*) from ` + table).QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
			return tx.SendBatch(t.Context(), b).Close()
		})
		if err != nil {
			t.Fatal(table, err)
		}
		return n
	}
	westOnly := map[string]bool{"casework_event": true, "finding": true, "village_status": true}
	for _, table := range guarded {
		if n := rows(&scope{right: grids.ReadAudit, areas: allAreas}, table); n == 0 {
			t.Errorf("%s: nothing is there", table)
		}
		if n := rows(nil, table); n != 0 {
			t.Errorf("%s: %d rows are seen by nobody", table, n)
		}
		if n := rows(&scope{areas: areasOf([]grids.Scope{town(west)})}, table); (n > 0) != westOnly[table] {
			t.Errorf("%s: the west sees %d rows", table, n)
		}
		if n := rows(&scope{areas: areasOf([]grids.Scope{town(east)})}, table); n != 0 {
			t.Errorf("%s: the east sees %d rows of the west", table, n)
		}
	}
	if n := rows(&whole, "audit"); n != 0 {
		t.Errorf("%d audit rows are seen by one who is no auditor", n)
	}
	var areas *string
	if err := conn.QueryRow(t.Context(), `select current_setting('wangge.areas', true)`).Scan(&areas); err != nil || areas == nil || *areas != "" {
		t.Errorf("after a transaction the setting is %v (%v)", areas, err)
	}
	other := *s
	other.district = 310152
	if err := other.view(t.Context(), whole, func(b *pgx.Batch) {
		b.Queue(`select count(*) from finding`).QueryRow(func(row pgx.Row) error {
			var n int
			if err := row.Scan(&n); err != nil || n != 0 {
				t.Errorf("another district sees %d findings", n)
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
}

// Ten thousand requests of all kinds over one pool, many of them cancelled or failing half way: no actor ever sees a row that is
// not of its areas, and nobody without one sees any.
func TestNoForeignRowUnderMixedRequests(t *testing.T) {
	s := twoTowns(t)
	points := map[grids.Code]orb.Point{west: inWest, east: inEast}
	towns := []grids.Code{west, east}
	var ids [2][]grids.ID
	for i, code := range towns {
		for n := range byte(20) {
			f := mark(n, points[code])
			f.ID[1] = byte(i)
			ids[i] = append(ids[i], f.ID)
			if _, _, _, err := s.Mark(t.Context(), grids.Operator, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	const requests, workers = 10_000, 24
	var next, foreign, seen, refused, broken atomic.Int64
	request := func(r *rand.Rand) {
		i := r.IntN(2)
		mine, theirs := towns[i], towns[1-i]
		a := actor(byte(i), grids.Patrol, town(mine))
		sc, _ := scopeOf(a, grids.LookExact)
		ctx := t.Context()
		if r.IntN(5) == 0 { // somewhere on the way the client goes
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(1500))*time.Microsecond)
			defer cancel()
		}
		look := func(sc scope, want grids.Code) error {
			return s.view(ctx, sc, func(b *pgx.Batch) {
				b.Queue(`select town_code from finding`).Query(func(rows pgx.Rows) error {
					var code string
					_, err := pgx.ForEachRow(rows, []any{&code}, func() error {
						seen.Add(1)
						if code != want {
							foreign.Add(1)
						}
						return nil
					})
					return err
				})
				if r.IntN(3) == 0 {
					b.Queue(`select 1 / 0`)
				}
			})
		}
		var err error
		switch r.IntN(7) {
		case 0, 1:
			err = look(sc, mine)
		case 2: // with no areas
			err = look(scope{}, "none")
		case 3: // on a connection that somebody else has just used
			var n int64
			if err = s.pool.QueryRow(ctx, `select count(*) from finding`).Scan(&n); err == nil {
				foreign.Add(n)
			}
		case 4:
			var f grids.Finding
			if f, err = s.Finding(ctx, a, ids[1-i][r.IntN(20)]); err == nil && f.TownCode == theirs {
				foreign.Add(1)
			}
		case 5:
			f := mark(0, points[towns[r.IntN(2)]])
			f.ID = grids.NewID()
			var stored grids.Finding
			if stored, _, _, err = s.Mark(ctx, a, f); err == nil && stored.TownCode != mine {
				foreign.Add(1)
			}
		default: // the server's own look, which sees all
			_, err = s.Read(ctx, grids.Versions{}, func(grids.Versions, []grids.Change) grids.Query {
				return grids.Query{Layers: []grids.LayerQuery{{Name: "f", SQL: someFindings, IDs: ids[i][:1]}}}
			})
		}
		var e *grids.Error
		switch {
		case errors.As(err, &e) && (e.Kind == grids.Forbidden || e.Kind == grids.NotFound):
			refused.Add(1)
		case err != nil:
			broken.Add(1)
		}
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for r := rand.New(rand.NewPCG(7, uint64(w))); next.Add(1) <= requests; {
				request(r)
			}
		})
	}
	wg.Wait()
	if foreign.Load() != 0 || seen.Load() == 0 || refused.Load() == 0 || broken.Load() == 0 {
		t.Errorf("%d foreign rows of %d; %d requests refused, %d broken", foreign.Load(), seen.Load(), refused.Load(), broken.Load())
	}
	for i, code := range towns {
		if n := count(t, s, `select count(*) from finding where marked_by = $1 and town_code <> $2`, grids.ID{0: 0xac, 15: byte(i)}, code); n != 0 {
			t.Errorf("%d marks lie outside of the area of %s", n, code)
		}
	}
	if v, err := s.VerifyAudit(t.Context()); err != nil || len(v.Flaws) != 0 {
		t.Errorf("the audit log: %+v, %v", v, err)
	}
}
