package postgis

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// The rules that let the schema run sharded by district (see the head of the first migration), read from the catalogue.
const schemaLint = `
with tab as (
  select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'wangge' and c.relkind in ('r', 'p') and c.relname <> 'schema_version'),
d as ( -- growing tables: all but the small reference tables
  select t.oid, t.relname, (select attnum from pg_attribute a where a.attrelid = t.oid and attname = 'district_id') as dcol
  from tab t where t.relname not in ('generation', 'login', 'district', 'town', 'village', 'grid_edition', 'grid', 'grid_village'))
select 'no district_id', relname::text from d where dcol is null
union all select 'no primary key', relname::text from tab t where not exists (select from pg_constraint k where k.conrelid = t.oid and contype = 'p')
union all select 'a key that district_id does not lead', d.relname || '.' || k.conname from d join pg_constraint k on k.conrelid = d.oid where contype in ('p', 'u', 'x') and d.dcol <> k.conkey[1]
union all select 'a unique index without district_id', i.indexrelid::regclass::text from d join pg_index i on i.indrelid = d.oid where i.indisunique and not d.dcol = any (i.indkey::int2[])
union all select 'a foreign key between growing tables without district_id', d.relname || '.' || k.conname from d join pg_constraint k on k.conrelid = d.oid join d t on t.oid = k.confrelid where contype = 'f' and not (d.dcol = any (k.conkey) and t.dcol = any (k.confkey))
union all select 'a foreign key from reference to growing data', t.relname || '.' || k.conname from tab t join pg_constraint k on k.conrelid = t.oid join d on d.oid = k.confrelid where contype = 'f' and t.oid not in (select oid from d)
union all select 'a trigger', d.relname || '.' || tgname from d join pg_trigger g on g.tgrelid = d.oid where not tgisinternal
union all select 'a sequence or identity', d.relname || '.' || a.attname from d join pg_attribute a on a.attrelid = d.oid where a.attidentity <> '' or pg_get_serial_sequence(d.oid::regclass::text, a.attname) is not null
union all select 'a rule or view', c.relname::text from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'wangge'
union all select 'an instant without time zone', t.relname || '.' || a.attname from tab t join pg_attribute a on a.attrelid = t.oid where a.atttypid = 'timestamp'::regtype
union all select 'a geometry that is not in 4326', t.relname || '.' || a.attname from tab t join pg_attribute a on a.attrelid = t.oid where a.atttypid = 'geometry'::regtype and postgis_typmod_srid(a.atttypmod) <> 4326
union all select 'a constraint named by the system', t.relname || '.' || k.conname from tab t join pg_constraint k on k.conrelid = t.oid where k.conname ~ '_(pkey|fkey|check|key)[0-9]*$'`

func breaches(t *testing.T, s *Store) []string {
	t.Helper()
	rows, err := owning(t, s).Query(t.Context(), `select rule || ': ' || what from (`+schemaLint+`) as l (rule, what) order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheSchemaCanBeSharded(t *testing.T) {
	s := open(t)
	for _, b := range breaches(t, s) {
		t.Error(b)
	}
	// the lint itself can find something
	if _, err := owning(t, s).Exec(t.Context(), `create table wangge.bad (id serial primary key, at timestamp)`); err != nil {
		t.Fatal(err)
	}
	if n := len(breaches(t, s)); n < 4 {
		t.Errorf("the lint found %d breaches in a table full of them", n)
	}
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	s := open(t)
	before, err := s.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), s.pool.Config().ConnString(), s.District())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if after, err := again.Versions(t.Context()); err != nil || !before.Same(after) {
		t.Errorf("the generation changed from %v to %v (%v)", before, after, err)
	}
}
