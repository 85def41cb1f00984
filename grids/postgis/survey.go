package postgis

import (
	"context"
	"encoding/json"
	"iter"

	"wangge/grids"
)

var surveyTable = table{"survey_result", grids.OnSurveys, []string{"district_id", "result_id", "grid_code", "village_code", "round", "completion", "on_day", "answers", "synthetic", "batch_id"}}

// ImportSurveys stores survey results, idempotent by id.
func (s *Store) ImportSurveys(ctx context.Context, actor grids.Actor, b *grids.Batch, rows func() iter.Seq[grids.SurveyResult], check func() error) (grids.Stored, error) {
	return importRows(ctx, s, actor, surveyTable, b, rows, func(v grids.SurveyResult, out []any) ([]any, error) {
		answers := v.Answers
		if answers == nil {
			answers = map[string]float64{}
		}
		j, err := json.Marshal(answers)
		return append(out, int32(s.district), [16]byte(v.ID), v.GridCode, v.VillageCode, v.Round, v.Completion, v.On.Date(), j, v.Synthetic, [16]byte(b.ID)), err
	}, check, nil)
}
