"""What people make passwords of, French and English, folded: no accents, lower case, three symbols or more."""

from __future__ import annotations

_FRENCH = """
abricot admin administrateur adresse amitie amour amoureux anatole ange angelique anniversaire antoine appartement
arbre argent assemblee aurelie avril azerty azertyuiop bateau bebe beaute bernard bienvenue bisous bonheur bonjour
bonsoir bordeaux bretagne camille caroline chance changemoi charges chat chaton cheval cheri cherie chien chocolat
chouchou clement code coeur compte connexion coquin coucou cuisine decembre delphine demain dimanche doudou dragon
ecole emilie enfant enfants etoile ete euro facebook famille fevrier fille fleur fleurs foot football foret france
francais gateau garcon gratuit guitare hiver identifiant immeuble internet isabelle janvier jardin jean jeanne
jetaime jeudi jules juillet juin julien julie juliette lapin laurent leon liberte lille locataire logement loulou
louise loulou lundi lune lyon madame maison maman manon marie mars marseille martin mardi mathieu maurice melanie
mercredi merci mesenfants michel minou mimosa monamour monique monmotdepasse monsieur montagne mot motdepasse mdp
musique nantes nathalie nicolas nounours novembre octobre olivier oiseau orange papa papillon paris passe patate
patrick philippe pierre plage portail poisson prairie princesse printemps proprietaire provence raphael renard
residence rouge rue samedi sandrine secret sebastien septembre soleil sophie souris stephane stephanie sylvie
tennis thomas tigre toulouse toto travail utilisateur vacances valerie vendredi vert vert viedechien village ville
vincent voiture voyage
"""

_ENGLISH = """
abc account admin administrator april august autumn baby baseball batman blue changeme charlie cheese computer
correct battery horse staple december default dragon family february flower football freedom friday guest hello
house hunter iloveyou internet january july june jordan killer letmein login london love lovely march master
michael monday money monkey mustang mypassword november october orange pass passphrase passw0rd password passwort
phone princess qwerty qwertyuiop saturday secret september shadow spring starwars summer sunday sunshine superman
test temp thursday tuesday trustno user wednesday welcome whatever winter
"""

_KEYBOARD = """
azert azertyuiop qsdf qsdfghjklm wxcv wxcvbn qwert asdf asdfgh asdfghjkl zxcv zxcvbn zxcvbnm poiuyt poiuytreza
lkjhgf 1qaz 2wsx 3edc 4rfv 1q2w3e 1q2w3e4r a1z2e3 a1z2e3r4 qaz wsx edc aze qwe
"""

_RUNS = "0123456789012345678909876543210987654321abcdefghijklmnopqrstuvwxyzyxwvutsrqponmlkjihgfedcba"

_YEARS = frozenset(str(year) for year in range(1900, 2100))
_REPEATS = frozenset(symbol * 3 for symbol in "abcdefghijklmnopqrstuvwxyz0123456789")
_SEQUENCES = frozenset(_RUNS[start : start + 3] for start in range(len(_RUNS) - 2))

COMMON_WORDS = frozenset((_FRENCH + _ENGLISH + _KEYBOARD).split()) | _YEARS | _REPEATS | _SEQUENCES
