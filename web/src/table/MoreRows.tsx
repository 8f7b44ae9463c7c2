import { Button } from "@mantine/core";
import { counted } from "../format/numbers";

/** MoreRows is the foot of a list by age, of which nobody counted the whole. */
export function MoreRows({ shown, one, more }: { shown: number; one: string; more: (() => void) | undefined }) {
  return (
    <div className="grid-foot">
      <span className="num">
        {counted(shown, one)}
        {more && " loaded, the newest"}
      </span>
      {more && (
        <Button variant="subtle" onClick={more}>
          Load older
        </Button>
      )}
    </div>
  );
}
