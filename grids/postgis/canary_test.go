package postgis

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"wangge/grids"
)

// Row-level security leaves the planner its index of places, in a table of 500,000 events and whoever looks.
func TestPlacesAreFoundByTheirIndex(t *testing.T) {
	s := twoTowns(t)
	conn := owning(t, s)
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`insert into casework_event select 310151, gen_random_uuid(), 1 + n % 7, date '2026-01-01', false, 1, case when n % 2 = 0 then '310151101000' else '310151102000' end, '', 'W', n,
		ST_SetSRID(ST_Point(121.2 + 0.7 * random(), 31.4 + 0.4 * random()), 4326), gen_random_uuid(), true from generate_series(1, 500000) n;
		create index casework_event_geom on casework_event using gist (geom); analyze casework_event;
		insert into finding (district_id, finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, area_m2, geom, content_hash, actor, synthetic)
		select 310151, event_id, 'cannabis', 1, 'spotted', 'foot', now(), town_code, '', grid_code, 0, geom, '', 'a', true from casework_event limit 50000; analyze finding`)
	inWest, err := scopeOf(actor(1, grids.Patrol, town(west)), grids.LookExact)
	if err != nil {
		t.Fatal(err)
	}
	warned := func() bool {
		t.Helper()
		var said bytes.Buffer
		if err := s.checkIndex(t.Context(), slog.New(slog.NewTextHandler(&said, nil))); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(said.String(), "leakproof")
	}
	plans := func(want bool) {
		t.Helper()
		for _, table := range []string{"casework_event", "finding"} {
			for name, sc := range map[string]scope{"all": whole, "a town": inWest} {
				plan, err := s.placePlan(t.Context(), table, sc)
				if err != nil || strings.Contains(plan, table+"_geom") != want {
					t.Errorf("%s, %s: %v\n%s", table, name, err, plan)
				}
				t.Log(table, name, plan[max(0, len(plan)-60):])
			}
		}
		if warned() == want {
			t.Errorf("warned: %v", !want)
		}
	}
	plans(true)
	exec(`alter function geometry_overlaps(geometry, geometry) not leakproof`)
	plans(false)
}
