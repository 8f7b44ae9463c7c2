import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Session } from "../api/types";
import { Note } from "../parts/Notes";
import { PasswordForm } from "./PasswordForm";

/** FirstPassword stands before everything until the password that the server made is replaced. */
export function FirstPassword({ session }: { session: Session }) {
  const client = useQueryClient();
  useEffect(() => {
    document.title = "Choose a password · Staunch";
  }, []);
  return (
    <main className="sign-in">
      <div className="stack" style={{ width: "min(380px, 100%)" }}>
        <h1>Choose a password, {session.user}</h1>
        <Note tone="info">The password you used was made by the server and may be in a log or a file. Nothing else works until it is changed.</Note>
        <PasswordForm current="Password you signed in with" done={() => void client.invalidateQueries({ queryKey: ["session"] })} />
      </div>
    </main>
  );
}
