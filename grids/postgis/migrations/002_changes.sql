-- What a change touched, so that a reader reads no more than that.
-- Null: anything of the subject may have changed. Findings: the ids of findings. Casework: batches whose events are all new.
alter table wangge.outbox add column ids uuid[];

-- the events of a batch, without reading all the others
create index casework_event_batch on wangge.casework_event (district_id, batch_id);

---- create above / drop below ----
-- Forward only: a mistake is mended by a further migration.
