package postgis

import (
	"context"
	"encoding/json"
	"iter"

	"wangge/grids"
)

var surveyTable = table{"survey_result", grids.OnSurveys, tellsNothing, true, []string{"district_id", "result_id", "grid_code", "village_code", "round", "completion", "on_day", "answers", "synthetic", "batch_id"}, nil}

// ImportSurveys stores survey results, idempotent by id.
func (s *Store) ImportSurveys(ctx context.Context, actor grids.Actor, b *grids.Batch, rows func() iter.Seq[grids.SurveyResult], check func() error) (grids.Stored, error) {
	return importRows(ctx, s, actor, surveyTable, b, rows, func(v grids.SurveyResult, r *copyRow) error {
		answers := v.Answers
		if answers == nil {
			answers = map[string]float64{}
		}
		j, err := json.Marshal(answers)
		if err != nil {
			return err
		}
		r.int4(int32(s.district))
		r.uuid(v.ID)
		r.text(v.GridCode)
		r.text(v.VillageCode)
		r.text(v.Round)
		r.float(v.Completion)
		r.date(v.On)
		r.json(j)
		r.bool(v.Synthetic)
		r.uuid(b.ID)
		return nil
	}, check, nil)
}
